// SPDX-License-Identifier: Apache-2.0
// Document 1, "Managing Webhooks": an app's webhooks and their envs.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Stage} from './lib/stage.mjs';

const DOCUMENT = '1-app-webhooks';
const HOSTS = ['api.webhook.com', 'sandbox.webhook.com', 'live.webhook.com', 'api.example.com'];
const RECEIVER = 'api.example.com';  // of these tests; the document names none
const SAMPLE = {
  headers: {Authorization: 'Bearer ehwywjwjsnsnsnsnsns'},
  query: {},
  body: {},
  params: {},
};

const setUp = (t) => Stage.set(t, {app: 'bank', hosts: HOSTS});

// `hosts`: of each env, who registers; null: nobody, a link is pasted by hand.
function checkWebhook(stage, webhook, hosts) {
  assert.equal(webhook.app, 'bank');
  assert.equal(webhook.tag, 'new-webhook');
  assert.equal(webhook.name, 'New Webhook');
  assert.equal(webhook.description, 'New Webhook Description');
  assert.deepEqual(webhook.envs.map(({slug}) => slug).sort(), Object.keys(hosts).sort());
  for (const env of webhook.envs) {
    assert.match(env.link, /^http:\/\/127\.0\.0\.1:\d+\/in\/[0-9A-Za-z]{22}$/);
    const host = hosts[env.slug];
    assert.equal(env.registration_url, host ? `${stage.servers[host].url}/register` : undefined);
    assert.equal(env.method, host ? 'POST' : undefined);
    assert.deepEqual(env.sample ?? null, host ? SAMPLE : null);
  }
  assert.equal(new Set(webhook.envs.map(({link}) => link)).size, webhook.envs.length);
}

// A product registers for `slugs` as the sample says it must.
function enable(stage, slugs) {
  return stage.api.post('/v1/products/ledger/webhooks/enable', {
    access_tag: 'bank',
    webhook_tag: 'new-webhook',
    envs: slugs.map((slug) => ({
                      slug,
                      url: `${stage.servers[RECEIVER].url}/hook/${slug}`,
                      method: 'POST',
                      auth: {...SAMPLE, headers: {Authorization: `Bearer of ${slug}`}},
                    })),
  });
}

// `host` was called for env `slug`, once, with the product's link.
function checkCalled(stage, host, {slug, link, status}) {
  assert.equal(status, 'registered');
  const [call, ...others] = stage.servers[host].records;
  assert.deepEqual(others, []);
  assert.equal(call.method, 'POST');
  assert.equal(call.url, '/register');
  assert.equal(call.headers.authorization, `Bearer of ${slug}`);
  assert.deepEqual(JSON.parse(call.body), {url: link});
}

async function defineEvent(stage) {
  await stage.api.post('/v1/apps/bank/events', {
    tag: 'new-webhook:paid',
    name: 'Paid',
    description: 'Money came',
    selector: '$Event{type}',
    sample: {type: 'paid'},
  });
}

test('create with registration URLs: enabling calls each env\'s own', async (t) => {
  const stage = await setUp(t);
  const {webhook} = (await stage.run(`${DOCUMENT}/1-users-register-directly`, ['webhook'])).values;
  checkWebhook(stage, webhook, {prd: 'api.webhook.com', snd: 'sandbox.webhook.com'});
  const {envs} = await enable(stage, ['prd', 'snd']);
  const [prd, snd] = ['prd', 'snd'].map((slug) => envs.find((env) => env.slug === slug));
  checkCalled(stage, 'api.webhook.com', prd);
  checkCalled(stage, 'sandbox.webhook.com', snd);
});

test(
    'create with slugs: what is posted to an env\'s link reaches whoever enabled it', async (t) => {
      const stage = await setUp(t);
      const {webhook} =
          (await stage.run(`${DOCUMENT}/2-users-generate-a-link`, ['webhook'])).values;
      checkWebhook(stage, webhook, {prd: null, snd: null});
      await defineEvent(stage);
      await enable(stage, ['prd', 'snd']);
      for (const {slug, link} of webhook.envs) {
        const record = await stage.delivers(
            link, `{"type": "paid", "to": "${slug}"}`, RECEIVER, `/hook/${slug}`);
        assert.equal(record.headers.authorization, `Bearer of ${slug}`);
      }
      assert.equal(await stage.daemon.stop(), 0);
      assert.equal(stage.servers[RECEIVER].records.length, 2);
    });

test('create with both: one env is registered, the other\'s link is pasted by hand', async (t) => {
  const stage = await setUp(t);
  const {webhook} = (await stage.run(`${DOCUMENT}/3-both-methods`, ['webhook'])).values;
  checkWebhook(stage, webhook, {prd: null, snd: 'sandbox.webhook.com'});
  const {envs} = await enable(stage, ['prd', 'snd']);
  assert.equal(envs.find(({slug}) => slug === 'prd').status, 'enabled');
  checkCalled(stage, 'sandbox.webhook.com', envs.find(({slug}) => slug === 'snd'));
});

test('update changes the env that it names and keeps the other, links included', async (t) => {
  const stage = await setUp(t);
  const {webhook} = (await stage.run(`${DOCUMENT}/1-users-register-directly`, ['webhook'])).values;
  const {updatedWebhook} = (await stage.run(`${DOCUMENT}/4-update`, ['updatedWebhook'])).values;
  checkWebhook(stage, updatedWebhook, {prd: 'live.webhook.com', snd: 'sandbox.webhook.com'});
  assert.deepEqual(
      updatedWebhook.envs.map(({slug, link}) => [slug, link]),
      webhook.envs.map(({slug, link}) => [slug, link]));
  assert.ok(updatedWebhook.revision > webhook.revision);
  const {envs: [prd]} = await enable(stage, ['prd']);
  checkCalled(stage, 'live.webhook.com', prd);
  assert.deepEqual(stage.servers['api.webhook.com'].records, []);
});

test('update gives a registration to an env that had none', async (t) => {
  const stage = await setUp(t);
  await stage.run(`${DOCUMENT}/2-users-generate-a-link`);
  const {updatedWebhook} = (await stage.run(`${DOCUMENT}/4-update`, ['updatedWebhook'])).values;
  checkWebhook(stage, updatedWebhook, {prd: 'live.webhook.com', snd: null});
});

test('fetchAll and fetch answer what was created', async (t) => {
  const stage = await setUp(t);
  const {webhook: created} = (await stage.run(`${DOCUMENT}/3-both-methods`, ['webhook'])).values;
  await stage.api.post(
      '/v1/apps/bank/webhooks', {tag: 'other', name: 'Other', envs: [{slug: 'prd'}]});
  await stage.api.post(
      '/v1/apps/shop/webhooks', {tag: 'elsewhere', name: 'Elsewhere', envs: [{slug: 'prd'}]});
  const {webhooks} = (await stage.run(`${DOCUMENT}/5-fetch-all`, ['webhooks'])).values;
  assert.ok(Array.isArray(webhooks));
  assert.deepEqual(webhooks.map(({tag}) => tag).sort(), ['new-webhook', 'other']);
  assert.deepEqual(webhooks.find(({tag}) => tag === 'new-webhook'), created);
  const {webhook} = (await stage.run(`${DOCUMENT}/6-fetch`, ['webhook'])).values;
  assert.deepEqual(webhook, created);
});
