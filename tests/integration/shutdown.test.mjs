// SPDX-License-Identifier: Apache-2.0
// SIGTERM: not ready any more, what is in flight ends, exit code 0; the next start delivers the
// rest.
import assert from 'node:assert/strict';
import test from 'node:test';

import {byHeader, payloads, register} from './lib/github.mjs';
import {Api} from './lib/http.mjs';
import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const MESSAGES = 60;
const IN_FLIGHT = 4;

test('SIGTERM ends what is in flight, and a restart delivers the rest', async (t) => {
  const data = await scratch.folder(t);
  const waiting = [];  // requests that the endpoint has not answered
  const hold = () => new Promise((resolve) => waiting.push(resolve));
  const sink = await scratch.sink(t, {answer: hold});
  const first = await scratch.daemon(t, {data});
  const {link} = await register(
      first.api, {events: [byHeader('push')], url: sink.url, in_flight_max: IN_FLIGHT});
  const ids = await postPushes(scratch.client(t), link);
  await until(() => waiting.length === IN_FLIGHT, {what: 'the lane is not full'});

  first.terminate();
  const probe = new Api(`http://${first.apiAddress}`, null);
  scratch.atEnd(t, () => probe.close());
  await until(
      async () => (await probe.call('GET', '/readyz')).status === 503, {what: 'it is ready'});
  sink.answer = () => 200;
  for (const answer of waiting.splice(0)) answer(200);
  assert.equal(await first.stop(), 0);

  const atStop = new Map(sink.records.map(({message}) => [message, 1]));
  assert.ok(atStop.size >= IN_FLIGHT);
  const second = await scratch.daemon(t, {data});
  const delivered = () => new Set(sink.records.map(({message}) => message));
  await sink.reaches(
      () => ids.every((id) => delivered().has(id)),
      {what: 'the restart does not deliver the rest'});
  assert.equal(sink.records.length, MESSAGES, 'a clean stop makes no duplicates');
  for (const id of ids.slice(0, IN_FLIGHT)) {
    const {data: attempts} = await second.api.get(`/v1/attempts?message=${id}`);
    assert.deepEqual(attempts.map(({attempt, status}) => [attempt, status]), [[1, 'delivered']]);
  }
  assert.equal(await second.stop(), 0);
});

async function postPushes(client, link) {
  const push = payloads().find(({name}) => name === 'push');
  const ids = [];
  for (let number = 0; number < MESSAGES; ++number) {
    const headers = {...push.headers, 'x-github-delivery': `delivery-${number}`};
    const answer = await client.send('POST', link, push.body, headers);
    assert.equal(answer.status, 200);
    ids.push(JSON.parse(answer.body).id);
  }
  return ids;
}

test('a daemon without work is ready, and ends at once', async (t) => {
  const daemon = await scratch.daemon(t);
  const probe = new Api(`http://${daemon.apiAddress}`, null);
  scratch.atEnd(t, () => probe.close());
  for (const path of ['/livez', '/readyz'])
    assert.equal((await probe.call('GET', path)).status, 200);
  const metrics = await probe.call('GET', '/metrics');
  assert.equal(metrics.status, 200);
  assert.match(metrics.body, /^# TYPE headrace_/m);
  assert.equal(await daemon.stop(10), 0);
});
