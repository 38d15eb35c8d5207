// SPDX-License-Identifier: Apache-2.0
// What was given up, or went nowhere, is delivered after all: by the command line, against a real
// daemon that is killed in the middle of it.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import {Cli} from './lib/cli.mjs';
import {Daemon} from './lib/daemon.mjs';
import {byHeader, register} from './lib/github.mjs';
import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const ONCE = {
  retry: {schedule: []}
};

// A daemon, the command line, an app with the event "push", an endpoint that answers `status`.
async function setUp(t, {status = 200, args = []} = {}) {
  const cli = await Cli.start(t, {args});
  const target = {status};
  const sink = await scratch.sink(t, {answer: () => target.status});
  const client = scratch.client(t);
  const registered =
      await register(cli.daemon.api, {events: [byHeader('push')], url: sink.url, ...ONCE});
  const post = async (event, number = 0) => {
    const answer = await client.send(
        'POST', cli.daemon.linkUrl(registered.link), JSON.stringify({number}),
        {'content-type': 'application/json', 'x-github-event': event});
    assert.equal(answer.status, 200);
    return JSON.parse(answer.body).id;
  };
  const dead = () => cli.json(['dead', 'list', '--limit', '1000']).then(({data}) => data);
  const delivered = (count) => until(
      async () => (await cli.json(['deliveries', '--status', 'delivered', '--limit', '1000']))
                      .data.length === count,
      {what: 'they are not delivered'});
  return {cli, sink, target, registered, post, dead, delivered};
}

const times = (sink, message) => sink.records.filter((one) => one.message === message).length;

test('a dead delivery is retried, alone and with others', async (t) => {
  const {cli, sink, target, registered, post, dead} = await setUp(t, {status: 500});
  const ids = [await post('push'), await post('push'), await post('push')];
  await until(async () => (await dead()).length === 3, {what: 'they do not die'});
  const [newest] = await dead();
  assert.equal(newest.message, ids[2]);
  assert.equal(newest.http_status, 500);
  assert.equal(newest.attempts, 1);
  assert.equal(newest.endpoint, registered.endpoint);

  target.status = 200;
  const retried = await cli.json(['retry', ids[0], registered.endpoint]);
  assert.equal(retried.message, ids[0]);
  await sink.receives(4);
  assert.equal(times(sink, ids[0]), 2, 'the same webhook-id');
  await until(async () => (await dead()).length === 2, {what: 'it is dead still'});

  const dry = await cli.json(['dead', 'retry', '--error', 'none', '--dry-run', '--wait']);
  assert.equal(dry.total, 2);
  assert.equal(dry.reopened, 0);
  const job = await cli.json(['dead', 'retry', '--endpoint', registered.endpoint, '--wait']);
  assert.equal(job.status, 'done');
  assert.equal(job.reopened, 2);
  await sink.receives(6);
  await until(async () => (await dead()).length === 0, {what: 'they are dead still'});
  const {data} = await cli.json(['deliveries', '--status', 'delivered']);
  assert.equal(data.length, 3);
  assert.deepEqual(data.map(({attempts}) => attempts), [2, 2, 2], 'attempts are numbered on');
});

test('what matched no event is delivered once the event is there', async (t) => {
  const {cli, sink, post} = await setUp(t);
  const id = await post('star');
  const other = await post('fork');
  await until(
      async () => (await cli.json(['messages', '--status', 'unmatched'])).data.length === 2,
      {what: 'they are not on record'});
  const spec = ['replay', '--app', 'github', '--message-state', 'unmatched', '--wait'];
  assert.equal((await cli.json(spec)).skipped, 2);
  await cli.daemon.api.post('/v1/apps/github/events', byHeader('star'));
  const job = await cli.json(spec);
  assert.equal(job.reopened, 1);
  assert.equal(job.skipped, 1);
  await sink.receives(1);
  assert.equal(sink.records[0].message, id);
  const {data} = await cli.json(['messages', '--status', 'routed']);
  assert.deepEqual(data.map((one) => [one.id, one.event]), [[id, 'repo-events:star']]);
  assert.equal(times(sink, other), 0);
});

test('deliveries are made again to another endpoint', async (t) => {
  const {cli, sink, post} = await setUp(t);
  const id = await post('push');
  await sink.receives(1);
  const second = await scratch.sink(t);
  const made = await cli.daemon.api.post('/v1/products/crm/endpoints', {
    access_tag: 'github',
    webhook_tag: 'repo-events',
    env: 'prd',
    url: second.url,
  });
  await until(
      async () => (await cli.json(['deliveries', '--status', 'delivered'])).data.length === 1,
      {what: 'it is not on record'});
  const job = await cli.json(['replay', '--message', id, '--to', made.id, '--wait']);
  assert.equal(job.reopened, 1);
  await second.receives(1);
  assert.equal(second.records[0].message, id);
  assert.equal(second.records[0].sha256, sink.records[0].sha256);
  assert.equal(sink.records.length, 1);
  const refusal = await cli.refused(
      ['replay', '--message', id, '--to', 'ep_0000000000000000000001'], 5);
  assert.match(refusal, /no such endpoint/);
});

test('a job that is killed in the middle is finished by the next start', async (t) => {
  const COUNT = 300;
  const {cli, sink, post, delivered} = await setUp(t, {args: ['--durability', 'os']});
  const ids = [];
  for (let i = 0; i < COUNT; ++i) ids.push(await post('push', i));
  await delivered(COUNT);
  const begun = await cli.json(['replay', '--state', 'delivered', '--rate', '100']);
  await sink.receives(COUNT + 100);
  await cli.daemon.kill();

  const daemon = await Daemon.start({data: cli.daemon.data, args: ['--durability', 'os']});
  scratch.atEnd(t, () => daemon.kill());
  const again = new Cli({
    HEADRACE_URL: `http://${daemon.apiAddress}`,
    HEADRACE_KEY_FILE: path.join(daemon.data, 'admin.key'),
  });
  const watched = await again.onTerminal(['jobs', 'watch', begun.id]);
  assert.equal(watched.code, 0, watched.stdout);
  assert.match(watched.stdout, /running \[#+\.*\] \d+ %, \d+ of 300/);
  const job = await again.json(['jobs', 'show', begun.id]);
  assert.equal(job.status, 'done');
  assert.equal(job.total, COUNT);
  await sink.reaches(
      () => ids.every((id) => times(sink, id) >= 2), {what: 'some were never made again'});
  const twice = ids.filter((id) => times(sink, id) > 2).length;
  assert.ok(twice <= 150, `${twice} were made more than once`);
});

test('a job is paused, resumed and cancelled', async (t) => {
  const COUNT = 100;
  const {cli, sink, post, delivered} = await setUp(t);
  for (let i = 0; i < COUNT; ++i) await post('push', i);
  await delivered(COUNT);
  const {id} = await cli.json(['replay', '--state', 'delivered', '--rate', '1']);
  await sink.receives(COUNT + 1);
  assert.equal((await cli.json(['jobs', 'pause', id])).status, 'paused');
  assert.equal((await cli.json(['jobs', 'list', '--status', 'paused'])).data[0].id, id);
  assert.equal((await cli.json(['jobs', 'resume', id])).status, 'running');
  assert.equal((await cli.json(['jobs', 'cancel', id])).status, 'cancelled');
  const waited = await cli.run(['jobs', 'watch', id]);
  assert.equal(waited.code, 1, 'it was not done');
  assert.equal(waited.stderr, '', 'nothing is said of its way where there is no terminal');
  assert.match(await cli.refused(['jobs', 'resume', id], 5), /the job is over/);
  assert.ok(sink.records.length < 2 * COUNT);
});

test('messages are erased, one by its id and others by what they hold', async (t) => {
  const COUNT = 40;
  const {cli, post, delivered} = await setUp(t);
  const ids = [];
  for (let i = 0; i < COUNT; ++i) ids.push(await post('push', i % 2));
  await delivered(COUNT);
  assert.equal(await cli.json(['message', 'delete', ids[0]]), undefined);
  assert.match(await cli.refused(['message', 'get', ids[0]], 5), /404/);
  assert.match(await cli.refused(['message', 'delete', ids[0]], 5), /404/);
  const spec = ['erase', '--app', 'github', '--payload', '{"$Event{number}": 1}', '--wait'];
  assert.equal((await cli.json([...spec, '--dry-run'])).total, COUNT / 2);
  assert.equal((await cli.json(spec)).erased, COUNT / 2);
  const {data} = await cli.json(['messages', '--limit', '1000']);
  const left = ids.filter((_, i) => i > 0 && i % 2 === 0).reverse();
  assert.deepEqual(data.map(({id}) => id), left);
  assert.match(await cli.refused(['message', 'get', ids[1]], 5), /404/);
  assert.match(await cli.refused(['erase'], 5), /must say which messages/);
});
