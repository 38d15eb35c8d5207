// SPDX-License-Identifier: Apache-2.0
// The main job on all of GitHub's example payloads: accepted, routed, delivered byte for byte,
// recorded.
import assert from 'node:assert/strict';
import test from 'node:test';

import {byHeader, byPath, payloads, register} from './lib/github.mjs';
import * as scratch from './lib/scratch.mjs';
import {sha256} from './lib/sink.mjs';
import {until} from './lib/wait.mjs';

const UNKNOWN = new Set(['ping', 'fork', 'meta']);  // no event is defined for these
const VALUES = [
  // found by a value in the payload; created first, so they win over the header's event
  {
    tag: 'queued',
    selector: '$Event{workflow_job.status}',
    sample: {workflow_job: {status: 'queued'}}
  },
  {tag: 'opened', selector: '$Event{action}', sample: {action: 'opened'}},
  {
    tag: 'distinct',
    selector: '$Event{commits}{0}{distinct}',
    sample: {commits: [{distinct: true}]}
  },
];
const PATHS = {
  queued: ['workflow_job', 'status'],
  opened: ['action'],
  distinct: ['commits', 0, 'distinct']
};
const at = (document, path) => path.reduce((value, key) => value?.[key], document);

// The event that a payload is, worked out by other means than the engine's.
function expectedEvent({name, payload}) {
  for (const {tag, sample} of VALUES) {
    const found = at(payload, PATHS[tag]);
    if (found !== undefined && found === at(sample, PATHS[tag])) return `repo-events:${tag}`;
  }
  return UNKNOWN.has(name) ? null : `repo-events:${name}`;
}

async function setUp(t) {
  const daemon = await scratch.daemon(t);
  const sink = await scratch.sink(t);
  const client = scratch.client(t);
  const sent = payloads();
  const names = [...new Set(sent.map(({name}) => name))].filter((name) => !UNKNOWN.has(name));
  const events = [
    ...VALUES.map(({tag, selector, sample}) => byPath(tag, selector, sample)),
    ...names.map(byHeader)
  ];
  const registered = await register(daemon.api, {events, url: sink.url});
  return {daemon, sink, client, sent, registered};
}

async function postAll({client, sent, registered}) {
  await Promise.all(sent.map(async (one) => {
    const answer = await client.send('POST', registered.link, one.body, one.headers);
    assert.equal(answer.status, 200, `${one.name} #${one.index}: ${answer.body}`);
    one.id = JSON.parse(answer.body).id;
    assert.match(one.id, /^msg_[0-9A-Za-z]{22}$/);
  }));
}

function checkDelivered(sink, sent) {
  const byId = new Map(sent.map((one) => [one.id, one]));
  for (const record of sink.records) {
    const one = byId.get(record.message);
    assert.equal(
        record.sha256, sha256(one.body), `${one.name} #${one.index} was changed on its way`);
    assert.equal(record.method, 'POST');
    assert.equal(record.headers['content-type'], 'application/json');
    for (const name of ['x-github-event', 'x-github-delivery']) {
      assert.equal(record.headers[name], one.headers[name]);
    }
    assert.match(record.headers['webhook-timestamp'], /^\d{10}$/);
  }
  const ids = sink.records.map(({message}) => message);
  const routed = sent.filter((one) => expectedEvent(one) !== null).map(({id}) => id);
  assert.deepEqual(
      ids.sort(), routed.sort(), 'each routed message came exactly once, and no other');
}

async function checkMessages(api, sent, link) {
  const listed = await api.all(`/v1/messages?link=${link}&limit=50`);
  assert.equal(listed.length, sent.length);
  const ids = listed.map(({id}) => id);
  assert.deepEqual(ids, [...ids].sort().reverse(), 'newest first');
  const byId = new Map(listed.map((message) => [message.id, message]));
  for (const one of sent) {
    const message = byId.get(one.id);
    assert.equal(message.event, expectedEvent(one), `${one.name} #${one.index}`);
    assert.equal(message.status, message.event === null ? 'unmatched' : 'routed');
    assert.equal(message.body_bytes, one.body.length);
    assert.equal(message.link, link);
  }
}

async function checkAttempts(api, sent, endpoint) {
  const routed = sent.filter((one) => expectedEvent(one) !== null);
  const attempts = await until(async () => {
    const all = await api.all(`/v1/attempts?endpoint=${endpoint}&limit=100`);
    return all.length >= routed.length && all;
  }, {what: 'not every attempt is on record'});
  assert.deepEqual(attempts.map(({message}) => message).sort(), routed.map(({id}) => id).sort());
  for (const attempt of attempts) {
    assert.equal(attempt.attempt, 1);
    assert.equal(attempt.status, 'delivered');
    assert.equal(attempt.http_status, 200);
    assert.equal(attempt.response_body, 'ok\n');
    assert.ok(attempt.duration_us > 0);
  }
}

async function checkOneInFull(api, one, {endpoint}) {
  const message = await api.get(`/v1/messages/${one.id}`);
  assert.equal(message.body, one.body.toString());
  const [delivery, ...others] = (await api.get(`/v1/deliveries?message=${one.id}`)).data;
  assert.deepEqual(others, []);
  assert.equal(delivery.endpoint, endpoint);
  assert.equal(delivery.status, 'delivered');
  assert.equal(delivery.attempts, 1);
  assert.equal(delivery.http_status, 200);
  const attempts = (await api.get(`/v1/attempts?message=${one.id}&endpoint=${endpoint}`)).data;
  assert.deepEqual(attempts.map(({attempt, status}) => [attempt, status]), [[1, 'delivered']]);
}

test(
    'all of GitHub\'s examples are accepted, routed, delivered byte for byte and recorded',
    async (t) => {
      const job = await setUp(t);
      const {daemon, sink, sent, registered} = job;
      assert.equal(sent.length, 329);
      await postAll(job);
      await sink.receives(sent.filter((one) => expectedEvent(one) !== null).length);
      await checkAttempts(daemon.api, sent, registered.endpoint);
      checkDelivered(sink, sent);
      await checkMessages(daemon.api, sent, registered.link_id);
      await checkOneInFull(daemon.api, sent.find(({name}) => name === 'push'), registered);
      assert.equal(await daemon.stop(), 0);
    });

test('a refused delivery is tried again, and each attempt is on record', async (t) => {
  const daemon = await scratch.daemon(t);
  const statuses = [500, 503, 200];
  const sink = await scratch.sink(t, {answer: () => statuses[sink.records.length - 1]});
  const registered = await register(daemon.api, {
    events: [byHeader('push')],
    url: sink.url,
    retry: {schedule: ['1s', '1s']},
  });
  const push = payloads().find(({name}) => name === 'push');
  const answer = await scratch.client(t).send('POST', registered.link, push.body, push.headers);
  const {id} = JSON.parse(answer.body);
  await sink.receives(3);
  const delivery = await until(async () => {
    const {data} = await daemon.api.get(`/v1/deliveries?message=${id}`);
    return data[0]?.status === 'delivered' && data[0];
  }, {what: 'the delivery is not closed'});
  assert.equal(delivery.attempts, 3);
  const {data} = await daemon.api.get(`/v1/attempts?message=${id}`);
  assert.deepEqual(
      data.map(({attempt, status, http_status: http}) => [attempt, status, http]),
      [[1, 'retry', 500], [2, 'retry', 503], [3, 'delivered', 200]]);
  assert.deepEqual(
      new Set(sink.records.map((record) => record.sha256)), new Set([sha256(push.body)]));
});

test('a delivery whose retries are spent is dead, and its endpoint serves on', async (t) => {
  const daemon = await scratch.daemon(t);
  const sink = await scratch.sink(t, {answer: ({headers}) => headers['x-bad'] ? 500 : 200});
  const registered = await register(daemon.api, {
    events: [byHeader('push')],
    url: sink.url,
    retry: {schedule: ['1s']},
  });
  const push = payloads().find(({name}) => name === 'push');
  const client = scratch.client(t);
  const bad =
      await client.send('POST', registered.link, push.body, {...push.headers, 'x-bad': '1'});
  const {id} = JSON.parse(bad.body);
  await until(
      async () => (await daemon.api.get(`/v1/deliveries?message=${id}`)).data[0]?.status === 'dead',
      {what: 'the delivery is not dead'});
  const good = await client.send(
      'POST', registered.link, push.body, {...push.headers, 'x-github-delivery': 'other'});
  assert.equal(good.status, 200);
  await sink.receives(3);
  assert.equal(sink.records[2].message, JSON.parse(good.body).id);
});

test(
    'a delivery that GitHub sends again is the same message, and not delivered twice',
    async (t) => {
      const daemon = await scratch.daemon(t);
      const sink = await scratch.sink(t);
      const {link} = await register(daemon.api, {events: [byHeader('push')], url: sink.url});
      const client = scratch.client(t);
      const [push, other] = payloads().filter(({name}) => name === 'push');
      const ids = [];
      for (const one of [push, push, other]) {
        const answer = await client.send('POST', link, one.body, one.headers);
        assert.equal(answer.status, 200);
        ids.push(JSON.parse(answer.body).id);
      }
      assert.equal(ids[0], ids[1]);
      await sink.receives(2);
      assert.equal(await daemon.stop(), 0);
      assert.deepEqual(sink.records.map(({message}) => message).sort(), [ids[0], ids[2]].sort());
    });
