// SPDX-License-Identifier: Apache-2.0
// Document 2, "Managing Webhook Events": events of a webhook, and which payload is which.
import assert from 'node:assert/strict';
import test from 'node:test';

import {exampleText} from './lib/run_example.mjs';
import {Stage} from './lib/stage.mjs';

const DOCUMENT = '2-webhook-events';
const TAG = 'new-webhook:new-event';
const EVENT = {
  name: 'New Event',
  tag: TAG,
  description: 'Notify customer of great things',
  selector: '$Event{identifier}',
  sample: {
    event: 'new-transaction',
    transaction_id: '1229100110101-192920101',
    event_id: '119100101020201-1919010101',
  },
};
const RECEIVER = 'api.example.com';  // of this test; the document names none

// Webhook "new-webhook" of app "bank", and a product's endpoint for it.
async function setUp(t) {
  const stage = await Stage.set(t, {app: 'bank', hosts: [RECEIVER]});
  await stage.api.post('/v1/apps/bank/webhooks', {
    tag: 'new-webhook',
    name: 'New Webhook',
    description: 'New Webhook Description',
    envs: [{slug: 'prd'}],
  });
  const {link} = await stage.api.post('/v1/products/ledger/links', {
    access_tag: 'bank',
    webhook_tag: 'new-webhook',
    env: 'prd',
    url: `${stage.servers[RECEIVER].url}/hook`,
  });
  return {stage, link};
}

// What is posted is, or is not, the event; nothing else reaches the endpoint.
async function checkMatching({stage, link}) {
  const before = stage.servers[RECEIVER].records.length;
  const record = await stage.delivers(link, '{"identifier": "new-event"}', RECEIVER, '/hook');
  assert.equal((await stage.message(record.message)).event, TAG);
  for (const payload
           of ['{"identifier": "other-event"}', '{"identifier": ["new-event"]}', '{}',
               await exampleText(`${DOCUMENT}/2-sample-payload`)]) {
    const message = await stage.message(await stage.post(link, payload));
    assert.equal(message.event, null, payload);
    assert.equal(message.status, 'unmatched');
    assert.equal(message.body, payload);
  }
  assert.equal(stage.servers[RECEIVER].records.length, before + 1);
}

function checkEvent(event, expected) {
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(event[name], value, name);
  assert.equal(event.app, 'bank');
  assert.equal(event.selector_value, 'new-event', 'the event part of the tag');
}

test('create makes an event whose selector names a key that its sample lacks', async (t) => {
  const job = await setUp(t);
  const {event} = (await job.stage.run(`${DOCUMENT}/1-create`, ['event'])).values;
  checkEvent(event, EVENT);
  await checkMatching(job);
  assert.equal(await job.stage.daemon.stop(), 0);
  assert.equal(job.stage.servers[RECEIVER].records.length, 1);
});

test('update changes the sample and keeps the rest, matching included', async (t) => {
  const job = await setUp(t);
  await job.stage.run(`${DOCUMENT}/1-create`);
  const {updatedEvent} = (await job.stage.run(`${DOCUMENT}/3-update`, ['updatedEvent'])).values;
  checkEvent(updatedEvent, {...EVENT, sample: {...EVENT.sample, username: 'Jane Jameson'}});
  await checkMatching(job);
});

test('fetchAll and fetch answer what was created', async (t) => {
  const {stage} = await setUp(t);
  await stage.run(`${DOCUMENT}/1-create`);
  await stage.api.post(
      '/v1/apps/bank/webhooks', {tag: 'other', name: 'Other', envs: [{slug: 'prd'}]});
  for (const tag of ['new-webhook:second', 'other:new-event'])
    await stage.api.post(
        '/v1/apps/bank/events', {...EVENT, tag, name: tag, selector: '$Event{kind}'});
  const {events} = (await stage.run(`${DOCUMENT}/4-fetch-all`, ['events'])).values;
  assert.ok(Array.isArray(events));
  assert.deepEqual(events.map(({tag}) => tag).sort(), [TAG, 'new-webhook:second']);
  checkEvent(events.find(({tag}) => tag === TAG), EVENT);
  const {event} = (await stage.run(`${DOCUMENT}/5-fetch`, ['event'])).values;
  checkEvent(event, EVENT);
});

test('the sample payload is the event that its own "event" names, byte for byte', async (t) => {
  const {stage, link} = await setUp(t);
  const payload = await exampleText(`${DOCUMENT}/2-sample-payload`);
  await stage.api.post('/v1/apps/bank/events', {
    ...EVENT,
    tag: 'new-webhook:transaction',
    selector: '$Event{event}',
    sample: JSON.parse(payload),
  });
  const record = await stage.delivers(link, payload, RECEIVER, '/hook');
  assert.equal((await stage.message(record.message)).event, 'new-webhook:transaction');
});
