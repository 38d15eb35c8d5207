// SPDX-License-Identifier: Apache-2.0
// The registry of a daemon that is killed, and of providers that do not answer as they should.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const PROVIDER_ENV = (url) => ({slug: 'prd', registration_url: url, method: 'POST'});

async function pages(api, path) {
  const items = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await api.get(`${path}${path.includes('?') ? '&' : '?'}limit=7${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    items.push(...page.data);
    cursor = page.next;
  }
  return items;
}

// Defines things until the daemon is gone; notes what was answered.
async function define(api, client, url, answered) {
  for (let i = 0;; ++i) {
    const webhook = `hook-${client}-${i}`;
    try {
      await api.post('/v1/apps/app/webhooks', {tag: webhook, name: webhook, envs: [{slug: 'prd'}, {slug: 'snd'}]});
      answered.webhooks.push(webhook);
      await api.post('/v1/apps/app/events', {tag: `${webhook}:made`, name: 'Made', selector: '$Event{type}'});
      answered.events.push(`${webhook}:made`);
      const link = await api.post(
          `/v1/products/p-${client}/links`, {access_tag: 'app', webhook_tag: webhook, env: 'prd', url});
      answered.links.push({link: link.url, endpoint: link.endpoint});
    } catch (error) {
      if (/answered/.test(error.message)) throw error;  // refused, and not killed
      return;
    }
  }
}

test('what was answered before a SIGKILL is there after it, and nothing by halves', async (t) => {
  const sink = await scratch.sink(t);
  const data = await scratch.folder(t);
  const answered = {webhooks: [], events: [], links: []};
  const first = await scratch.daemon(t, {data});
  const clients = [0, 1, 2, 3].map((client) => define(first.api, client, sink.url, answered));
  await until(() => answered.links.length >= 40, {what: 'forty endpoints are registered'});
  await first.kill();
  await Promise.all(clients);

  const daemon = await scratch.daemon(t, {data});
  const webhooks = await pages(daemon.api, '/v1/apps/app/webhooks');
  const tags = new Set(webhooks.map((webhook) => webhook.tag));
  assert.deepEqual(answered.webhooks.filter((tag) => !tags.has(tag)), []);
  for (const {tag, envs} of webhooks) {
    assert.deepEqual(envs.map((env) => env.slug), ['prd', 'snd'], tag);
    for (const env of envs) assert.match(env.link, /\/in\/\w{22}$/, tag);
  }
  const events = new Set((await pages(daemon.api, '/v1/apps/app/events')).map((event) => event.tag));
  assert.deepEqual(answered.events.filter((tag) => !events.has(tag)), []);
  const endpoints = await pages(daemon.api, '/v1/endpoints');
  for (const endpoint of endpoints) assert.match(endpoint.link, /\/in\/\w{22}$/, endpoint.id);
  const ids = new Set(endpoints.map((endpoint) => endpoint.id));
  assert.deepEqual(answered.links.filter(({endpoint}) => !ids.has(endpoint)), []);

  const poster = scratch.client(t);
  for (const {link} of answered.links) {
    const answer = await poster.send(
        'POST', daemon.linkUrl(link), '{"type":"made"}', {'content-type': 'application/json'});
    assert.equal(answer.status, 200, link);
  }
  await sink.receives(answered.links.length);
});

test('a provider that refuses at first is called again, as a delivery is', async (t) => {
  const provider = await scratch.sink(t, {path: '/register'});
  provider.answer = () => provider.records.length === 1 ? 503 : 201;
  const {api} = await scratch.daemon(t);
  await api.post('/v1/apps/app/webhooks', {tag: 'hook', name: 'Hook', envs: [PROVIDER_ENV(provider.url)]});
  const enable = {
    access_tag: 'app',
    webhook_tag: 'hook',
    envs: [{slug: 'prd', url: 'http://127.0.0.1:9/', auth: {body: {callback: '$Link'}}}],
  };
  const [pending] = (await api.post('/v1/products/shop/webhooks/enable', enable)).envs;
  assert.equal(pending.status, 'pending');
  assert.equal(pending.call.http_status, 503);
  assert.ok(Date.parse(pending.call.next_at) > Date.parse(pending.call.called_at));
  assert.equal(JSON.parse(provider.records[0].body).callback, pending.link);

  const registered = await until(
      async () => {
        const {data: [registration]} = await api.get('/v1/products/shop/webhooks');
        return registration.envs[0].status === 'registered' && registration.envs[0];
      },
      {what: 'the second call registers'});
  assert.equal(registered.call.attempts, 2);
  const {data: attempts} = await api.get(`/v1/attempts?message=${registered.call.message}`);
  assert.deepEqual(attempts.map((attempt) => [attempt.attempt, attempt.http_status]), [[1, 503], [2, 201]]);

  await api.post('/v1/products/shop/webhooks/enable', enable);
  assert.equal(provider.records.length, 2);  // a repeat tells nobody again
});

test('a provider that was being called when the daemon was killed is called by the next one', async (t) => {
  const provider = await scratch.sink(t, {path: '/register'});
  provider.answer = () => provider.records.length === 1 ? new Promise(() => {}) : 200;
  const data = await scratch.folder(t);
  const first = await scratch.daemon(t, {data});
  await first.api.post('/v1/apps/app/webhooks', {tag: 'hook', name: 'Hook', envs: [PROVIDER_ENV(provider.url)]});
  await first.api.post('/v1/products/shop/webhooks/enable', {
    access_tag: 'app',
    webhook_tag: 'hook',
    wait: '0s',
    envs: [{slug: 'prd', url: 'http://127.0.0.1:9/'}],
  });
  await provider.receives(1);
  await first.kill();

  const daemon = await scratch.daemon(t, {data});
  await until(
      async () => {
        const {data: [registration]} = await daemon.api.get('/v1/products/shop/webhooks');
        return registration.envs[0].status === 'registered';
      },
      {what: 'the next daemon registers'});
});
