// SPDX-License-Identifier: Apache-2.0
// Document 4, "Product Webhooks": links that are pinned to one event.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Stage} from './lib/stage.mjs';

const DOCUMENT = '4-product-webhooks';
const RECEIVER = 'api.example.com';  // of these tests; the document names none
const APPS = {
  'stripe-payments': ['payment.succeeded', 'payment.failed', 'charge.refunded', 'customer.created'],
  'sendgrid-email': ['email.delivered', 'email.opened', 'email.bounced', 'email.clicked'],
};
const ENVS = ['dev', 'stg', 'prd'];
const full = (event) => `events:${event}`;

// App `app` with its events, for which `product` has an endpoint in each env.
async function setUp(t, {product, app = 'stripe-payments', workspace}) {
  const stage = await Stage.set(t, {hosts: [RECEIVER], workspace});
  await stage.api.post(
      `/v1/apps/${app}/webhooks`,
      {tag: 'events', name: 'Events', description: app, envs: ENVS.map((slug) => ({slug}))});
  for (const event of APPS[app]) {
    await stage.api.post(`/v1/apps/${app}/events`, {
      tag: full(event),
      name: event,
      description: event,
      selector: '$Event{type}',
      sample: {type: event},
    });
  }
  await stage.api.post(`/v1/products/${product}/webhooks/enable`, {
    access_tag: app,
    webhook_tag: 'events',
    envs: ENVS.map((slug) => ({slug, url: urlOf(stage, slug), method: 'POST'})),
  });
  return stage;
}

const urlOf = (stage, env) => `${stage.servers[RECEIVER].url}/hook/${env}`;

// What is posted to the link is the event, whatever it says of itself.
async function checkPinned(stage, link, event, env = 'prd') {
  for (const type of [event, 'charge.refunded', 'nothing.known']) {
    const body = `{"type": "${type}", "of": "${event}", "env": "${env}"}`;
    const record = await stage.delivers(link, body, RECEIVER, `/hook/${env}`);
    const message = await stage.message(record.message);
    assert.equal(message.event, full(event), type);
    assert.equal(message.status, 'routed');
  }
}

// The lines "NAME: URL" that an example printed, each URL once.
function printed(output, names) {
  const lines = output.trimEnd().split('\n').map((line) => line.split(': '));
  assert.deepEqual(lines.map(([name]) => name), names);
  const urls = lines.map(([, url]) => url);
  for (const url of urls) assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/in\/[0-9A-Za-z]{22}$/);
  assert.equal(new Set(urls).size, urls.length, 'each has its own link');
  return urls;
}

// The product's event links: [event, env, url], sorted.
async function eventLinks(stage, product, app) {
  const links = await stage.api.all(`/v1/products/${product}/links?app=${app}`);
  return links.filter(({kind}) => kind === 'event')
      .map(({event, env, url}) => [event, env, url])
      .sort();
}

test('fetchAllForProductApp answers the product\'s links with their events', async (t) => {
  const product = 'my-product';
  const stage = await setUp(t, {product, workspace: 'your-workspace-id'});
  for (const event of ['payment.succeeded', 'payment.failed'])
    await stage.api.post(
        `/v1/products/${product}/links`, {app: 'stripe-payments', event, env: 'prd'});
  await stage.api.post(
      '/v1/products/other-product/links',
      {app: 'stripe-payments', event: 'payment.succeeded', env: 'prd'});
  const {values, output} = await stage.run(`${DOCUMENT}/1-fetch-all-for-product-app`, ['webhooks']);
  const {webhooks} = values;
  assert.ok(Array.isArray(webhooks));
  assert.equal(output, webhooks.map(({event, url}) => `Webhook: ${event}\nURL: ${url}\n`).join(''));
  const pinned = webhooks.filter(({kind}) => kind === 'event');
  assert.deepEqual(
      pinned.map(({event}) => event).sort(), [full('payment.failed'), full('payment.succeeded')]);
  assert.deepEqual(
      webhooks.filter(({kind}) => kind !== 'event').map(({env}) => env).sort(), [...ENVS].sort(),
      'the rest are those of the registrations');
  for (const {event, url} of pinned) await checkPinned(stage, url, event.slice(full('').length));
});

test('generateLink answers a link of one event: the selector is not consulted', async (t) => {
  const stage = await setUp(t, {product: 'my-product'});
  const {values, output} = await stage.run(`${DOCUMENT}/2-generate-link`, ['webhookUrl']);
  assert.equal(typeof values.webhookUrl, 'string');
  assert.equal(output, `Webhook URL: ${values.webhookUrl}\n`);
  await checkPinned(stage, values.webhookUrl, 'payment.succeeded');
  const again = await stage.run(`${DOCUMENT}/2-generate-link`, ['webhookUrl']);
  assert.equal(again.values.webhookUrl, values.webhookUrl, 'asking again answers the same link');
});

test('the complete example makes three links and counts all', async (t) => {
  const product = 'ecommerce-platform';
  const stage = await setUp(t, {product, workspace: 'workspace-123'});
  const {output} = await stage.run(`${DOCUMENT}/3-complete-example`);
  const [title, success, failed, refund, total] = output.trimEnd().split('\n');
  assert.equal(title, 'Configure these URLs in Stripe dashboard:');
  const urls = printed(
      [success, failed, refund].join('\n'), ['Payment Success', 'Payment Failed', 'Refund']);
  const events = ['payment.succeeded', 'payment.failed', 'charge.refunded'];
  assert.deepEqual(
      await eventLinks(stage, product, 'stripe-payments'),
      events.map((event, index) => [full(event), 'prd', urls[index]]).sort());
  const links = await stage.api.all(`/v1/products/${product}/links?app=stripe-payments`);
  assert.equal(total, `Total webhooks configured: ${links.length}`);
  for (const [index, event] of events.entries()) await checkPinned(stage, urls[index], event);
});

for (const [example, app, product] of [
         ['4-payment-webhooks', 'stripe-payments', 'payment-service'],
         ['5-email-webhooks', 'sendgrid-email', 'notification-service'],
]) {
  test(`the loop over the events of ${app} makes a link for each`, async (t) => {
    const stage = await setUp(t, {product, app});
    const {output} = await stage.run(`${DOCUMENT}/${example}`);
    const urls = printed(output, APPS[app]);
    assert.deepEqual(
        await eventLinks(stage, product, app),
        APPS[app].map((event, index) => [full(event), 'prd', urls[index]]).sort());
    await checkPinned(stage, urls[1], APPS[app][1]);
    assert.equal((await stage.run(`${DOCUMENT}/${example}`)).output, output);
  });
}

test('the loop over environments makes a link for each, which leads to its endpoint', async (t) => {
  const stage = await setUp(t, {product: 'payment-service'});
  const {output} = await stage.run(`${DOCUMENT}/6-environment-specific-webhooks`);
  const urls = printed(output, ENVS);
  for (const [index, env] of ENVS.entries())
    await checkPinned(stage, urls[index], 'payment.succeeded', env);
});
