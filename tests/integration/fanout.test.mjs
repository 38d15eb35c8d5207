// SPDX-License-Identifier: Apache-2.0
// What is posted to an app's link reaches everybody who registered, each in his own time.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const JSON_TYPE = {'content-type': 'application/json'};
const MESSAGES = 18;  // few enough that no breaker opens

async function setUp(t) {
  const {api} = await scratch.daemon(t);
  const webhook = await api.post(
      '/v1/apps/shop/webhooks', {tag: 'orders', name: 'Orders', envs: [{slug: 'prd'}, {slug: 'snd'}]});
  for (const event of ['paid', 'sent'])
    await api.post('/v1/apps/shop/events', {tag: `orders:${event}`, name: event, selector: '$Event{type}'});
  const register = (product, url, more = {}) => api.post(
      `/v1/products/${product}/endpoints`,
      {access_tag: 'shop', webhook_tag: 'orders', env: 'prd', url, ...more});
  return {api, register, link: webhook.envs[0].link, poster: scratch.client(t)};
}

test('a message reaches all who are enabled; one that hangs and one that fails delay nobody', async (t) => {
  const {api, register, link, poster} = await setUp(t);
  const prompt = await scratch.sink(t);
  const hanging = await scratch.sink(t, {answer: () => new Promise(() => {})});
  const failing = await scratch.sink(t, {answer: () => 500});
  const unused = await scratch.sink(t);
  const endpoints = {
    prompt: await register('prompt', prompt.url),
    hanging: await register('hanging', hanging.url, {in_flight_max: 1}),
    failing: await register('failing', failing.url, {retry: {schedule: []}}),
    off: await register('off', unused.url, {state: 'disabled'}),
  };
  const messages = [];
  for (let i = 0; i < MESSAGES; ++i) {
    const answer = await poster.send('POST', link, `{"type":"paid","number":${i}}`, JSON_TYPE);
    messages.push(JSON.parse(answer.body).id);
  }
  await prompt.receives(MESSAGES);  // while the other still holds the first
  assert.equal(hanging.records.length, 1);
  assert.equal(unused.records.length, 0);
  await failing.receives(MESSAGES);

  const states = async (message) => Object.fromEntries(
      (await api.get(`/v1/deliveries?message=${message}`)).data.map((one) => [one.endpoint, one.status]));
  await until(
      async () => (await states(messages.at(-1)))[endpoints.failing.id] === 'dead',
      {what: 'the last outcome is on record'});
  assert.deepEqual(await states(messages[0]), {
    [endpoints.prompt.id]: 'delivered',
    [endpoints.hanging.id]: 'waiting',
    [endpoints.failing.id]: 'dead',
  });
});

test('endpoints get the events that they name and the messages that their filters accept', async (t) => {
  const {register, link, poster} = await setUp(t);
  const all = await scratch.sink(t);
  const sent = await scratch.sink(t);
  const large = await scratch.sink(t);
  await register('all', all.url);
  await register('sent', sent.url, {events: ['sent']});
  await register('large', large.url, {
    filter: {or: [{'$Event{total}': {gte: 100}}, {'$Header{X-Priority}': 'high'}]},
  });
  const post = (body, headers = {}) =>
      poster.send('POST', link, JSON.stringify(body), {...JSON_TYPE, ...headers});
  await post({type: 'paid', total: 99.99});
  await post({type: 'paid', total: 100});
  await post({type: 'sent', total: 1}, {'X-Priority': 'high'});
  await post({type: 'unknown', total: 1000});
  await all.receives(3);
  await sent.receives(1);
  await large.receives(2);
  const bodies = (sink) => sink.records.map((record) => record.body.toString()).sort();
  assert.deepEqual(bodies(sent), ['{"type":"sent","total":1}']);
  assert.deepEqual(bodies(large), ['{"type":"paid","total":100}', '{"type":"sent","total":1}']);
  assert.equal(all.records.length, 3);
});
