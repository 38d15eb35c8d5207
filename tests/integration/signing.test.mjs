// SPDX-License-Identifier: Apache-2.0
// Deliveries as receivers verify them, with the libraries that receivers use; and secrets as people
// keep them.
import assert from 'node:assert/strict';
import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import {verify as verifyGithub} from '@octokit/webhooks-methods';
import {Webhook as StandardWebhook} from 'standardwebhooks';
import Stripe from 'stripe';
import {Webhook as SvixWebhook} from 'svix';

import {Cli} from './lib/cli.mjs';
import * as scratch from './lib/scratch.mjs';
import {Caller} from './lib/world.mjs';

const BODY = '{ "action":"push", "text":"caf\u00e9 \\u00e9", "id":12345678901234567890123 }';
const LARGE = JSON.stringify({action: 'push', text: 'x'.repeat(900_000)});

async function setUp(t, {signing, method} = {}) {
  const data = await scratch.folder(t);
  const daemon = await scratch.daemon(t, {data});
  const sink = await scratch.sink(t);
  const api = new Caller(daemon.api.baseUrl, daemon.api.key);
  scratch.atEnd(t, () => api.close());
  await api.expect('POST', '/v1/apps/github/webhooks', {tag: 'repo', name: 'R', envs: [{slug: 'prd'}]});
  await api.expect('POST', '/v1/apps/github/events', {
    tag: 'repo:push',
    name: 'P',
    selector: '$Event{action}',
    sample: {action: 'push'},
  });
  const endpoint = await api.expect('POST', '/v1/products/shop/endpoints', {
    access_tag: 'github',
    webhook_tag: 'repo',
    env: 'prd',
    url: sink.url,
    ...(signing && {signing}),
    ...(method && {method}),
  });
  const secretPath = `/v1/endpoints/${endpoint.id}/signing-secret`;
  // Posts a body to the endpoint's link; answers what the receiver got.
  const deliver = async (body = BODY, headers = {}) => {
    const count = sink.records.length;
    const answer = await api.client.send(
        'POST', daemon.linkUrl(endpoint.link), body, {'content-type': 'application/json', ...headers});
    assert.equal(answer.status, 200);
    await sink.receives(count + 1);
    const got = sink.records.at(-1);
    assert.equal(got.body.toString(), method === 'GET' ? '' : body);
    return got;
  };
  return {data, daemon, sink, api, endpoint, secretPath, deliver};
}

const fails = (verify) => assert.throws(verify, /signature/i);

test('a delivery verifies as a Standard Webhook and by Svix', async (t) => {
  const {api, secretPath, deliver} = await setUp(t);
  const {scheme, header, secret} = await api.expect('GET', secretPath);
  assert.deepEqual([scheme, header], ['v1', 'webhook-signature']);
  for (const body of [BODY, LARGE, '{"action":"push"}']) {
    // What a sender claims to be a signature is not passed on.
    const got = await deliver(body, {'webhook-signature': 'v1,AAAA', 'webhook-timestamp': '1'});
    for (const Webhook of [StandardWebhook, SvixWebhook]) {
      const webhook = new Webhook(secret);
      assert.equal(webhook.verify(got.body, got.headers).action, 'push');
      fails(() => webhook.verify(`${body} `, got.headers));
      fails(() => webhook.verify(got.body, {...got.headers, 'webhook-id': 'msg_other'}));
    }
  }
});

test('each attempt is signed for its own time', async (t) => {
  const {api, sink, secretPath, endpoint, deliver} = await setUp(t);
  await api.expect('PATCH', `/v1/endpoints/${endpoint.id}`, {retry: {schedule: ['1s'], jitter_percent: 0}});
  const webhook = new StandardWebhook((await api.expect('GET', secretPath)).secret);
  let refused = 1;
  sink.answer = () => refused-- > 0 ? 500 : 200;
  await deliver();
  await sink.receives(2);
  const [first, second] = sink.records;
  assert.equal(first.message, second.message);
  assert.notEqual(first.headers['webhook-timestamp'], second.headers['webhook-timestamp']);
  for (const {body, headers} of [first, second]) webhook.verify(body, headers);
});

test('during a rotation the old secret and the new one verify', async (t) => {
  const {api, secretPath, deliver} = await setUp(t);
  const old = (await api.expect('GET', secretPath)).secret;
  const {secret, previous_until: until} = await api.expect('POST', `${secretPath}/rotate`, {});
  assert.notEqual(secret, old);
  assert.ok(Date.parse(until) > Date.now() + 23 * 3_600_000);
  const during = await deliver();
  assert.equal(during.headers['webhook-signature'].split(' ').length, 2);
  for (const one of [old, secret]) {
    for (const Webhook of [StandardWebhook, SvixWebhook])
      new Webhook(one).verify(during.body, during.headers);
  }
  const last = (await api.expect('POST', `${secretPath}/rotate`, {grace: '0s'})).secret;
  const after = await deliver();
  new SvixWebhook(last).verify(after.body, after.headers);
  for (const one of [old, secret])
    fails(() => new StandardWebhook(one).verify(after.body, after.headers));
});

test('an Ed25519 signature verifies under the public key', async (t) => {
  const {api, secretPath, deliver} = await setUp(t, {signing: {scheme: 'v1a'}});
  const {secret} = await api.expect('GET', secretPath);
  const {createPublicKey, verify} = await import('node:crypto');
  assert.match(secret, /^whpk_/);
  const key = createPublicKey({
    format: 'jwk',
    key: {kty: 'OKP', crv: 'Ed25519', x: Buffer.from(secret.slice(5), 'base64').toString('base64url')},
  });
  const {headers, body} = await deliver(LARGE);
  const [version, signature] = headers['webhook-signature'].split(',');
  assert.equal(version, 'v1a');
  const text = Buffer.concat(
      [Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body]);
  assert.ok(verify(null, text, key, Buffer.from(signature, 'base64')));
});

test('a delivery of GitHub\'s shape verifies by its library', async (t) => {
  const {api, secretPath, deliver} = await setUp(t, {signing: {scheme: 'github'}});
  const {secret, header} = await api.expect('GET', secretPath);
  assert.equal(header, 'X-Hub-Signature-256');
  // The provider's own signature would be of another secret.
  const got = await deliver(BODY, {'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}`});
  const signature = got.headers['x-hub-signature-256'];
  assert.ok(await verifyGithub(secret, got.body.toString(), signature));
  assert.ok(!await verifyGithub(secret, `${BODY} `, signature));
  assert.equal(got.headers['webhook-signature'], undefined);
});

test('a delivery of Stripe\'s shape verifies by its library, also in a rotation', async (t) => {
  const {api, secretPath, deliver} =
      await setUp(t, {signing: {scheme: 'stripe', header: 'Acme-Signature'}});
  const stripe = new Stripe('sk_test_of_nobody');
  const old = (await api.expect('GET', secretPath)).secret;
  const {secret} = await api.expect('POST', `${secretPath}/rotate`, {secret: 'whsec_given by a person'});
  assert.equal(secret, 'whsec_given by a person');
  const got = await deliver();
  const signature = got.headers['acme-signature'];
  for (const one of [old, secret])
    assert.equal(stripe.webhooks.constructEvent(got.body, signature, one).action, 'push');
  assert.throws(() => stripe.webhooks.constructEvent(`${BODY} `, signature, secret), /signature/);
});

test('a delivery without a body is signed as empty, and one may be unsigned', async (t) => {
  const {api, endpoint, secretPath, deliver} = await setUp(t, {method: 'GET'});
  const {secret} = await api.expect('GET', secretPath);
  const got = await deliver();
  const webhook = new StandardWebhook(secret);
  const timestamp = new Date(1000 * got.headers['webhook-timestamp']);
  assert.equal(
      got.headers['webhook-signature'], webhook.sign(got.headers['webhook-id'], timestamp, ''));
  await api.expect('PATCH', `/v1/endpoints/${endpoint.id}`, {signing: {scheme: 'none'}});
  assert.equal((await deliver()).headers['webhook-signature'], undefined);
  assert.equal((await api.call('GET', secretPath)).status, 404);
});

test('a signing secret is shown by its own call to those who may write, and nowhere else', async (t) => {
  const {data, daemon, api, endpoint, secretPath} = await setUp(t);
  const {secret} = await api.expect('GET', secretPath);
  const key = await api.expect('POST', '/v1/keys', {name: 'reader', scopes: ['read']});
  const reader = new Caller(daemon.api.baseUrl, key.secret);
  scratch.atEnd(t, () => reader.close());
  assert.equal((await reader.call('GET', secretPath)).status, 403);
  assert.equal((await reader.call('POST', `${secretPath}/rotate`, {body: {}})).status, 403);
  for (const place of ['/v1/endpoints', `/v1/endpoints/${endpoint.id}`, '/v1/products/shop/webhooks']) {
    const {text} = await api.call('GET', place);
    assert.ok(!text.includes(secret.slice(6)), place);
    assert.ok(!text.includes('whsec_'), place);
  }
  assert.ok(!daemon.log().includes(secret.slice(6)));
  // A repeat by the same Idempotency-Key does not show it again.
  const headers = {'idempotency-key': 'once'};
  assert.equal((await api.call('POST', `${secretPath}/rotate`, {body: {}, headers})).status, 200);
  const again = await api.call('POST', `${secretPath}/rotate`, {body: {}, headers});
  assert.equal(again.body.code, 'idempotency_replayed');
  assert.equal((await stat(path.join(data, 'master.key'))).mode & 0o777, 0o600);
});

test('a secret is set from standard input, used at once and never shown', async (t) => {
  const cli = await Cli.start(t);
  const sink = await scratch.sink(t);
  const run = async (args, options) => JSON.stringify(await cli.json(args, options) ?? null);
  const set = (input) => run(['secrets', 'set', 'SHOP'], {input});
  assert.match(await set('first value\n'), /"name":"SHOP"/);
  await run(['webhook', 'create', 'github', '--tag', 'repo', '--name', 'R', '--env', 'prd']);
  await run(['event', 'create', 'github', '--tag', 'repo:push', '--name', 'P', '--selector', '$Event{action}',
             '--sample', '{"action":"push"}']);
  const endpoint = await cli.json([
    'endpoint', 'create', 'shop', '--access-tag', 'github', '--webhook', 'repo', '--env', 'prd',
    '--to', sink.url, '--auth', '{"headers":{"Authorization":"Bearer $Secret{SHOP}"}}',
  ]);
  const sent = async () => {
    const count = sink.records.length;
    await run(['test', endpoint.id, '--event', 'push']);
    await sink.receives(count + 1);
    return sink.records.at(-1).headers.authorization;
  };
  assert.equal(await sent(), 'Bearer first value');
  await set('second value');
  assert.equal(await sent(), 'Bearer second value');
  const list = await run(['secrets', 'list']);
  assert.match(list, /"name":"SHOP"/);
  assert.doesNotMatch(list, /value/);
  const refused = await cli.run(['secrets', 'delete', 'SHOP']);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, new RegExp(endpoint.id));
  await run(['secrets', 'delete', 'SHOP', '--cascade']);
  assert.match(await run(['endpoint', 'signing-secret', endpoint.id]), /"secret":"whsec_/);
  await run(['rotate-master-key']);
  assert.match(await run(['endpoint', 'signing-secret', endpoint.id]), /"secret":"whsec_/);
});

test('a master key that is given is used, and a wrong one is refused', async (t) => {
  const data = await scratch.folder(t);
  const key = Buffer.alloc(32, 1).toString('base64');
  const start = (env) => scratch.daemon(t, {data, env});
  let daemon = await start({HEADRACE_MASTER_KEY: key});
  const environment = await readFile(`/proc/${daemon.pid}/environ`, 'latin1');
  assert.ok(!environment.includes(key), 'its bytes are wiped');
  const put = new Caller(daemon.api.baseUrl, daemon.api.key);
  await put.expect('PUT', '/v1/secrets/KEY', {value: 'v'});
  put.close();
  await daemon.stop();
  const other = Buffer.alloc(32, 2).toString('hex');
  for (const env of [{HEADRACE_MASTER_KEY: other}, {}])
    await assert.rejects(start(env), /master/);
  daemon = await start({HEADRACE_MASTER_KEY: other, HEADRACE_MASTER_KEY_PREVIOUS: key});
  await daemon.stop();
  daemon = await start({HEADRACE_MASTER_KEY: other});
  assert.equal((await daemon.api.get('/v1/secrets')).data[0].name, 'KEY');
  await daemon.stop();
});
