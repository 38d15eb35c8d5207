// SPDX-License-Identifier: Apache-2.0
// The main job on real input: GitHub's example payloads go to a link, are made durable, find their
// event, reach an endpoint byte for byte, and every attempt is on record.
//
// Everything printed is read back: from the answers, from what the endpoint got, from the
// management API.
import {mkdtemp, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import {Daemon} from '../tests/integration/lib/daemon.mjs';
import {byHeader, byPath, payloads, register} from '../tests/integration/lib/github.mjs';
import {Client} from '../tests/integration/lib/http.mjs';
import {Sink, sha256} from '../tests/integration/lib/sink.mjs';
import {until} from '../tests/integration/lib/wait.mjs';

const EVENTS = [
  // where two match, the first wins
  byPath('pull_request.closed', '$Event{pull_request}{state}', {pull_request: {state: 'closed'}}),
  byHeader('push'),
  byHeader('pull_request'),
  byHeader('issues'),
  byHeader('release'),
  byPath('created', '$Event{action}', {action: 'created'}),
];
const SHOWN = [
  // GitHub's event and, of its examples, those with this action
  ['push'],
  ['push'],
  ['pull_request', 'opened'],
  ['pull_request', 'closed'],
  ['pull_request', 'synchronize'],
  ['issues', 'opened'],
  ['issues', 'labeled'],
  ['release', 'published'],
  ['star', 'created'],
  ['issue_comment', 'created'],
  ['label', 'created'],
  ['check_run', 'created'],
  ['fork'],
  ['ping'],
];
const RETRIED = 'release';  // the endpoint refuses this one once, to show a retry

const paint = (code) => (text) => process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text;
const [bold, dim, green, red] = [1, 2, 32, 31].map(paint);
const say = (text = '') => process.stdout.write(`${text}\n`);
const step = (name, text) => say(`${bold(name.padEnd(11))} ${text}`);
const plural = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;

function chosen() {
  const left = payloads();
  return SHOWN.map(([name, action]) => {
    const at =
        left.findIndex((one) => one.name === name && (!action || one.payload.action === action));
    return left.splice(at, 1)[0];
  });
}

function refuseOnce() {
  let isRefused = false;
  return (record) => {
    if (isRefused || record.headers['x-github-event'] !== RETRIED) return 200;
    isRefused = true;
    return 503;
  };
}

function showRegistered(daemon, sink, registered) {
  step(
      'running',
      `headrace: links on ${daemon.ingestAddress}, management API on ${
          daemon.apiAddress}, fresh data`);
  step(
      'registered', `app github, webhook repo-events, env prd, ${plural(EVENTS.length, 'event')}:`);
  for (const {tag, selector, selector_value: value, sample} of EVENTS) {
    const wanted = value ?? Object.values(sample.pull_request ?? sample)[0];
    say(`${' '.repeat(12)}${tag.split(':')[1].padEnd(20)} ${selector} = ${wanted}`);
  }
  step('endpoint', `product shop takes all of them at ${sink.url}`);
  step('link', registered.link);
}

// What became of one posted payload, as the API tells it once nothing of it is open any more.
async function outcome(api, id) {
  const message = await api.get(`/v1/messages/${id}`);
  if (message.status !== 'routed') return {message, attempts: []};
  await until(async () => {
    const {data} = await api.get(`/v1/deliveries?message=${id}`);
    return data.length > 0 && data.every(({status}) => status === 'delivered' || status === 'dead');
  }, {what: `${id} is still being delivered`});
  return {
    message,
    attempts:
        (await api.get(`/v1/attempts?message=${id}`)).data.sort((a, b) => a.attempt - b.attempt)
  };
}

function isIdentical(sink, id, body) {
  const got = sink.records.filter(({message}) => message === id);
  return got.length > 0 && got.every((record) => record.sha256 === sha256(body));
}

const COLUMNS = [33, 15, 20, 26];
const row = (cells) =>
    cells.map((cell, at) => String(cell).padEnd(COLUMNS[at] ?? 0)).join(' ').trimEnd();

function attemptText({attempt, http_status: status, duration_us: us, status: verdict}) {
  return `#${attempt} ${status ?? 'none'} ${verdict}, ${(us / 1000).toFixed(1)} ms`;
}

function showRow({sent, status, id, message, attempts, identical}) {
  const what = `${sent.name}${sent.payload.action ? `, ${sent.payload.action}` : ''}`;
  const size = `${(sent.body.length / 1000).toFixed(1)} kB`.padStart(7);
  const event = message.event?.split(':')[1] ?? message.status;
  const delivered = message.status !== 'routed' ? 'kept' :
      identical                                 ? '✔ identical ' :
                                                  '✘ NOT identical ';
  const hash = message.status === 'routed' ? sha256(sent.body).slice(0, 12) : '';
  const text = row([
    `${what.padEnd(25)} ${size}`,
    `${status} …${id.slice(-8)}`,
    event,
    delivered + hash,
    attempts.map(attemptText).join('; ') || '–',
  ]);
  say(text.replace('✔', green('✔')).replace('✘', red('✘')));
}

function showTotals(rows) {
  const accepted = rows.filter(({status}) => status === 200).length;
  const routed = rows.filter(({message}) => message.status === 'routed');
  const delivered = routed.filter(
      ({identical, attempts}) => identical && attempts.at(-1)?.status === 'delivered');
  const attempts = rows.reduce((sum, one) => sum + one.attempts.length, 0);
  const unmatched = rows.filter(({message}) => message.status === 'unmatched').length;
  const isGood = accepted === rows.length && delivered.length === routed.length &&
      routed.length === SHOWN.length - 2 && unmatched === 2 && attempts === routed.length + 1;
  say();
  step(
      'total',
      `${plural(accepted, 'payload')} accepted, ${routed.length} routed, ${
          delivered.length} delivered ` +
          `byte for byte, ${
              plural(attempts, 'attempt')} on record (one was refused and retried), ` +
          `${unmatched} kept as unmatched`);
  return isGood;
}

async function play(daemon, sink, client) {
  const {api} = daemon;
  const registered =
      await register(api, {events: EVENTS, url: sink.url, retry: {schedule: ['1s', '5s']}});
  showRegistered(daemon, sink, registered);
  const rows = [];
  for (const sent of chosen()) {
    const answer = await client.send('POST', registered.link, sent.body, sent.headers);
    rows.push({sent, status: answer.status, id: JSON.parse(answer.body).id});
  }
  step('posted', `${rows.length} of GitHub's example payloads to the link. What became of each:`);
  say();
  say(dim(
      row(['posted', 'accepted', 'routed to event', 'delivered (SHA-256)', 'attempts on record'])));
  for (const one of rows) {
    Object.assign(one, await outcome(api, one.id));
    one.identical = isIdentical(sink, one.id, one.sent.body);
    showRow(one);
  }
  return showTotals(rows);
}

async function main() {
  const data = await mkdtemp(path.join(os.tmpdir(), 'headrace-demo-'));
  const sink = await Sink.start({path: '/github', answer: refuseOnce()});
  const client = new Client();
  let daemon;
  try {
    daemon = await Daemon.start({data});
    const isGood = await play(daemon, sink, client);
    const code = await daemon.stop();
    step('stopped', `the daemon ended with exit code ${code} after SIGTERM`);
    say(isGood && code === 0 ? green('The main job works.') : red('The demo failed.'));
    return isGood && code === 0;
  } finally {
    await daemon?.kill();
    client.close();
    await sink.close();
    await rm(data, {recursive: true, force: true});
  }
}

try {
  process.exitCode = await main() ? 0 : 1;
} catch (error) {
  say(red(`The demo failed: ${error.message}`));
  process.exitCode = 1;
}
