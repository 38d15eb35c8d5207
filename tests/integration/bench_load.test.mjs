// SPDX-License-Identifier: Apache-2.0
// `headrace bench load` as people and scripts run it, against receivers that are not ours.
import assert from 'node:assert/strict';
import {createHmac} from 'node:crypto';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import {createRequire} from 'node:module';
import path from 'node:path';
import test from 'node:test';
import {Webhook} from 'standardwebhooks';
import Stripe from 'stripe';

import {runProgram} from './lib/cli.mjs';
import {BINARY} from './lib/daemon.mjs';
import * as scratch from './lib/scratch.mjs';
import {closedPort} from './lib/sink.mjs';
import {certificate} from './lib/tls.mjs';

const EXAMPLES =
    createRequire(import.meta.url).resolve('@octokit/webhooks-examples/api.github.com/index.json');
// However busy the machine is.
const PATIENT =
    ['--lag-max', '100', '--connections', '8', '--timeout', '300s', '--drain', '300s'];

const load = (args) => runProgram(BINARY, ['bench', 'load', ...args]);

async function result(args) {
  const {code, stdout, stderr} = await load([...args, ...PATIENT, '--json']);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout);
}

async function secretFile(t, secret) {
  const file = path.join(await scratch.folder(t), 'secret');
  await writeFile(file, `${secret}\n`);
  return file;
}

test('GitHub examples arrive as GitHub sends them, signed', async (t) => {
  const sink = await scratch.sink(t);
  const said = await result([
    sink.url, '--rate', '500', '--duration', '400ms', '--github', EXAMPLES, '--sign', 'github',
    '--secret-file', await secretFile(t, 'it is a secret')
  ]);
  assert.equal(said.sent, 200);
  assert.equal(said.statuses['200'], 200);
  assert.equal(said.valid, true);
  assert.equal(said.latency_from_due_us.count, 200);
  assert.ok(said.latency_from_due_us.p50 >= said.latency_from_sent_us.min);
  assert.equal(sink.records.length, 200);
  for (const {headers, body} of sink.records) {
    JSON.parse(body);
    const mac = createHmac('sha256', 'it is a secret').update(body).digest('hex');
    assert.equal(headers['x-hub-signature-256'], `sha256=${mac}`);
  }
  assert.ok(new Set(sink.records.map(({headers}) => headers['x-github-event'])).size > 5);
  const ids = new Set(sink.records.map(({headers}) => headers['bench-message']));
  assert.equal(ids.size, 200);
  assert.ok(ids.has(`${said.run}-0`));
});

test('the providers\' own libraries accept what is signed as theirs', async (t) => {
  const sink = await scratch.sink(t);
  const run = async (provider, secret, check) => {
    sink.records.length = 0;
    await result([
      sink.url, '--rate', '200', '--duration', '250ms', '--sign', provider, '--secret-file',
      await secretFile(t, secret)
    ]);
    assert.equal(sink.records.length, 50);
    for (const {headers, body} of sink.records) check(headers, body.toString());
  };
  await run('stripe', 'whsec_test', (headers, body) => {
    Stripe.webhooks.constructEvent(body, headers['stripe-signature'], 'whsec_test');
  });
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  await run('standard_webhooks', secret, (headers, body) => {
    new Webhook(secret).verify(body, headers);
  });
});

test('duplicates, false and malformed messages come in their shares', async (t) => {
  const sink = await scratch.sink(t);
  const said = await result([
    sink.url, '--rate', '2000', '--duration', '500ms', '--sign', 'github', '--secret-file',
    await secretFile(t, 's'), '--duplicates', '0.1', '--bad-signatures', '0.1', '--malformed',
    '0.1', '--unknown-events', '0.1', '--size', '200-2k'
  ]);
  assert.equal(said.sent, 1000);
  const genuine = ({headers, body}) => headers['x-hub-signature-256'] ===
      `sha256=${createHmac('sha256', 's').update(body).digest('hex')}`;
  const parses = ({body}) => {
    try {
      return JSON.parse(body) !== null;
    } catch {
      return false;
    }
  };
  const ids = new Set(sink.records.map(({headers}) => headers['bench-message']));
  assert.equal(1000 - ids.size, said.kinds.duplicate);
  assert.equal(sink.records.filter((each) => !genuine(each)).length, said.kinds.bad_signature);
  const malformed = sink.records.filter((each) => !parses(each));
  assert.ok(malformed.length >= said.kinds.malformed);  // some of them twice
  for (const kind of ['duplicate', 'bad_signature', 'malformed', 'unknown_event']) {
    assert.ok(Math.abs(said.kinds[kind] - 100) < 50, `${kind}: ${said.kinds[kind]}`);
  }
});

test('a server that stands still makes the run invalid', async (t) => {
  const sink = await scratch.sink(t, {answer: () => new Promise(() => {})});
  const {code, stdout} = await load([
    sink.url, '--rate', '1000', '--duration', '200ms', '--connections', '2', '--timeout', '100ms',
    '--drain', '100ms', '--json'
  ]);
  assert.equal(code, 1);
  const said = JSON.parse(stdout);
  assert.equal(said.valid, false);
  assert.equal(said.sent + said.unsent, 200);
  assert.ok(said.unsent > 100);
  assert.ok(said.late_share > 0.5);
  assert.match(said.invalid_because.join(), /late/);
});

test('closed loop and churn', async (t) => {
  const sink = await scratch.sink(t);
  const closed = await result(
      [sink.url, '--closed', '--messages', '100', '--duration', '300s', '--id-in-body']);
  assert.equal(closed.answered, 100);
  assert.equal(closed.latency_from_due_us, null);
  assert.equal(closed.loop, 'closed');
  for (const {body} of sink.records) {
    assert.match(JSON.parse(body).bench_message, new RegExp(`^${closed.run}-[0-9]+$`));
  }
  const churn = await result([sink.url, '--churn', '--rate', '500', '--duration', '200ms']);
  assert.equal(churn.answered, 100);
});

test('over TLS, to a server that is trusted', async (t) => {
  const files = await certificate(await scratch.folder(t), 'server');
  let received = 0;
  const server = https.createServer(
      {cert: await readFile(files.certificate), key: await readFile(files.key)}, (request, response) => {
        request.resume().on('end', () => {
          ++received;
          response.end('ok');
        });
      });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `https://127.0.0.1:${server.address().port}/`;
  const trusted = await result([url, '--rate', '200', '--duration', '250ms', '--tls-roots', files.certificate]);
  assert.equal(trusted.statuses['200'], 50);
  assert.equal(trusted.tls, true);
  assert.equal(trusted.reconnects, 0);
  const churn = await result([url, '--rate', '100', '--duration', '200ms', '--churn', '--tls-insecure']);
  assert.equal(churn.statuses['200'], 20);
  assert.equal(received, 70);
  const stranger = await load([url, '--messages', '1']);
  assert.equal(stranger.code, 4);
  assert.match(stranger.stderr, /no TLS: self-signed certificate/);
});

test('the knee is found in steps', async (t) => {
  const sink = await scratch.sink(t);
  // Everything is carried up to the highest rate of few steps, or refused by the server.
  sink.answer = () => 503;
  const {code, stdout} =
      await load([sink.url, '--arrivals', 'knee', '--rate', '4', '--duration', '300ms', '--json']);
  assert.equal(code, 1, 'nothing is carried by a server that refuses everything');
  const said = JSON.parse(stdout);
  assert.equal(said.knee_per_s, 0);
  assert.deepEqual(said.steps.map(({per_s: rate}) => rate), [4, 2, 1]);
});

const isSlow = ({headers}) => BigInt(headers['bench-message'].split('-')[1]) >= 2n ** 63n;

// The load is over when its one message is answered, which is when the slow one is there; and that
// has its answer only then, so it must be waited for.
test('slow clients get their messages through, and are waited for', async (t) => {
  let slowIsThere;
  const slow = new Promise((resolve) => slowIsThere = resolve);
  let othersAreAnswered;
  const others = new Promise((resolve) => othersAreAnswered = resolve);
  const received = [];
  const server = http.createServer(async (request, response) => {
    request.setEncoding('utf8');
    let body = '';
    for await (const piece of request) body += piece;
    received.push({headers: request.headers, body});
    if (isSlow(request)) {
      slowIsThere();
      await others;
    } else {
      await slow;
      response.on('finish', () => setImmediate(othersAreAnswered));
    }
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const ledger = await scratch.folder(t);
  const said = await result([
    `http://127.0.0.1:${server.address().port}/`, '--rate', '1', '--messages', '1', '--duration', '300s',
    '--size', '600', '--slow', '1', '--slow-bytes', '100', '--slow-every', '20ms', '--ledger', ledger,
  ]);
  assert.equal(said.answered, 1);
  assert.equal(said.latency_from_due_us.count, 1);
  assert.deepEqual(
      said.slow_clients, {count: 1, connections: 1, closed_by_server: 0, answered: 1, accepted: 1});
  assert.equal(received.length, 2);
  const {headers, body} = received.find(isSlow);
  JSON.parse(body);
  assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
  // Nobody kept a ledger of what was received.
  const verified = await runProgram(BINARY, ['bench', 'verify', ledger, '--json']);
  assert.equal(JSON.parse(verified.stdout).accepted, 2, verified.stderr);
});

test('the table is for people', async (t) => {
  const sink = await scratch.sink(t);
  const {code, stdout} = await load([sink.url, '--rate', '500', '--duration', '100ms', ...PATIENT]);
  assert.equal(code, 0);
  assert.match(stdout, /^open loop, constant, 500 messages\/s due, 8 connections$/m);
  assert.match(stdout, /latency from due/);
  assert.match(stdout, /from sent \(uncorrected\)/);
  assert.match(stdout, /answered 200 +50/);
});

test('exit codes', async () => {
  const nobody = `http://127.0.0.1:${await closedPort()}/`;
  assert.equal((await load([nobody])).code, 4);
  for (const wrong
           of [[], ['ftp://a'], [nobody, '--duration', '5'], [nobody, '--arrivals', 'x'],
               [nobody, '--stale', '0.1'], [nobody, '--slow', '1', '--slow-bytes', '0'], [nobody, '--sign', 'nobody'], [nobody, '--rate', '0']]) {
    const {code, stderr} = await load(wrong);
    assert.equal(code, 2, wrong.join(' '));
    assert.notEqual(stderr, '');
  }
});
