// SPDX-License-Identifier: Apache-2.0
// What providers send, signed and checked by their own libraries, as links take it: genuine as it
// is, and nothing else.
import '@shopify/shopify-api/adapters/node';

import assert from 'node:assert/strict';
import {createHmac, generateKeyPairSync, sign as signBytes} from 'node:crypto';
import test from 'node:test';

import {sign as signGithub, verify as verifyGithub} from '@octokit/webhooks-methods';
import {Paddle} from '@paddle/paddle-node-sdk';
import sendgrid from '@sendgrid/eventwebhook';
import {shopifyApi} from '@shopify/shopify-api';
import {verifySlackRequest} from '@slack/bolt';
import {WebhooksHelper} from 'square';
import {Webhook as StandardWebhook} from 'standardwebhooks';
import Stripe from 'stripe';
import {Webhook as SvixWebhook} from 'svix';
import twilio from 'twilio';

import * as scratch from './lib/scratch.mjs';
import {Caller} from './lib/world.mjs';

const JSON_TYPE = 'application/json';
const JSON_BODY = '{ "action":"push", "text":"caf\u00e9 \\u00e9", "id":12345678901234567890123 }';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const FORM_BODY = 'To=%2B15551234567&Body=caf%C3%A9+%26+more&Empty=&AccountSid=AC0';
const SECRET = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';

const hmac = (hash, secret, text, encoding) => createHmac(hash, secret).update(text).digest(encoding);
const seconds = () => Math.floor(Date.now() / 1000);

const sendgridKey = generateKeyPairSync('ec', {namedCurve: 'P-256'});
const sendgridPem = sendgridKey.publicKey.export({type: 'spki', format: 'pem'});

// Each makes the headers of a body that is posted to a URL, and says whether the provider's library
// takes them. `signed`: the headers of which no bit may change. `once`: what is sent again is known.
const PROVIDERS = {
  github: {
    signed: ['x-hub-signature-256'],
    headers: async ({body}) => ({'x-hub-signature-256': await signGithub(SECRET, body)}),
    takes: ({body, headers}) => verifyGithub(SECRET, body, headers['x-hub-signature-256']),
  },
  stripe: {
    signed: ['stripe-signature'],
    once: true,
    headers: ({body}) => ({
      'stripe-signature': Stripe.webhooks.generateTestHeaderString({payload: body, secret: SECRET}),
    }),
    takes: ({body, headers}) =>
        Stripe.webhooks.constructEvent(body, headers['stripe-signature'], SECRET).action === 'push',
  },
  standard_webhooks: {
    signed: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    once: true,
    headers: ({body, id}) => idTimeSignature('webhook', new StandardWebhook(SECRET), id, body),
    takes: ({body, headers}) => new StandardWebhook(SECRET).verify(body, headers).action === 'push',
  },
  svix: {
    signed: ['svix-id', 'svix-timestamp', 'svix-signature'],
    once: true,
    headers: ({body, id}) => idTimeSignature('svix', new SvixWebhook(SECRET), id, body),
    takes: ({body, headers}) => new SvixWebhook(SECRET).verify(body, headers).action === 'push',
  },
  slack: {
    signed: ['x-slack-request-timestamp', 'x-slack-signature'],
    once: true,
    headers: ({body}) => {
      const time = `${seconds()}`;
      return {
        'x-slack-request-timestamp': time,
        'x-slack-signature': `v0=${hmac('sha256', SECRET, `v0:${time}:${body}`, 'hex')}`,
      };
    },
    takes: ({body, headers}) => {
      const time = Number(headers['x-slack-request-timestamp']);
      verifySlackRequest({
        signingSecret: SECRET,
        body,
        headers: {...headers, 'x-slack-request-timestamp': time},
      });
      return true;
    },
  },
  shopify: {
    signed: ['x-shopify-hmac-sha256'],
    headers: ({body}) => ({
      'x-shopify-hmac-sha256': hmac('sha256', SECRET, body, 'base64'),
      'x-shopify-topic': 'orders/create',
      'x-shopify-shop-domain': 'shop.example',
      'x-shopify-api-version': '2026-07',
      'x-shopify-webhook-id': 'b54557e4',
    }),
    takes: async ({body, headers}) => {
      const shopify = shopifyApi({
        apiKey: 'key',
        apiSecretKey: SECRET,
        apiVersion: '2026-07',
        hostName: 'app.example',
        isEmbeddedApp: false,
        logger: {log: () => {}},
      });
      const rawRequest = {method: 'POST', url: '/', headers};
      return (await shopify.webhooks.validate({rawBody: body, rawRequest, rawResponse: {}})).valid;
    },
  },
  sendgrid: {
    settings: {public_keys: [sendgridPem]},
    signed: ['x-twilio-email-event-webhook-signature', 'x-twilio-email-event-webhook-timestamp'],
    once: true,
    headers: ({body}) => {
      const time = `${seconds()}`;
      const signature = signBytes('sha256', Buffer.from(time + body), sendgridKey.privateKey);
      return {
        [sendgrid.EventWebhookHeader.SIGNATURE().toLowerCase()]: signature.toString('base64'),
        [sendgrid.EventWebhookHeader.TIMESTAMP().toLowerCase()]: time,
      };
    },
    takes: ({body, headers}) => {
      const checker = new sendgrid.EventWebhook();
      return checker.verifySignature(
          checker.convertPublicKeyToECDSA(sendgridPem), Buffer.from(body),
          headers['x-twilio-email-event-webhook-signature'],
          headers['x-twilio-email-event-webhook-timestamp']);
    },
  },
  twilio: {
    type: FORM_TYPE,
    body: FORM_BODY,
    query: '?a=1&b=%20',
    signed: ['x-twilio-signature'],
    headers: ({body, url}) => ({
      'x-twilio-signature': twilio.getExpectedTwilioSignature(SECRET, url, fields(body)),
    }),
    takes: ({body, url, headers}) =>
        twilio.validateRequest(SECRET, headers['x-twilio-signature'], url, fields(body)),
  },
  'twilio with JSON': {
    provider: 'twilio',
    query: `?bodySHA256=${twilio.getExpectedBodyHash(JSON_BODY)}`,
    signed: ['x-twilio-signature'],
    headers: ({url}) => ({
      'x-twilio-signature': twilio.getExpectedTwilioSignature(SECRET, url, {}),
    }),
    takes: ({body, url, headers}) =>
        twilio.validateRequestWithBody(SECRET, headers['x-twilio-signature'], url, body),
  },
  square: {
    signed: ['x-square-hmacsha256-signature'],
    headers: ({body, url}) => ({
      'x-square-hmacsha256-signature': hmac('sha256', SECRET, url + body, 'base64'),
    }),
    takes: ({body, url, headers}) => WebhooksHelper.verifySignature({
      requestBody: body,
      signatureHeader: headers['x-square-hmacsha256-signature'],
      signatureKey: SECRET,
      notificationUrl: url,
    }),
  },
  paddle: {
    // Its own five seconds may pass on a machine that is busy.
    settings: {secrets: [SECRET], tolerance: '5m'},
    signed: ['paddle-signature'],
    once: true,
    headers: ({body}) => {
      const time = `${seconds()}`;
      return {'paddle-signature': `ts=${time};h1=${hmac('sha256', SECRET, `${time}:${body}`, 'hex')}`};
    },
    takes: ({body, headers}) =>
        new Paddle('key').webhooks.isSignatureValid(body, SECRET, headers['paddle-signature']),
  },
};

function idTimeSignature(prefix, webhook, id, body) {
  const now = new Date();
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: `${Math.floor(now.getTime() / 1000)}`,
    [`${prefix}-signature`]: webhook.sign(id, now, body),
  };
}

function fields(form) {
  return Object.fromEntries(new URLSearchParams(form));
}

// The text with one bit of its byte `at` another.
function flipped(text, at) {
  const bytes = Buffer.from(text);
  bytes[at] ^= 1;
  return bytes;
}

async function setUp(t) {
  const daemon = await scratch.daemon(t);
  const api = new Caller(daemon.api.baseUrl, daemon.api.key);
  scratch.atEnd(t, () => api.close());
  return {daemon, api, client: scratch.client(t)};
}

// A webhook that is verified so; answers its link.
async function verified({api}, app, verification) {
  const webhook = await api.expect(
      'POST', `/v1/apps/${app}/webhooks`, {tag: 'hook', name: 'H', envs: [{slug: 'prd', verification}]});
  assert.deepEqual(webhook.warnings, []);
  return webhook.envs[0].link;
}

async function messagesOf({api}, app) {
  return (await api.expect('GET', `/v1/messages?app=${app}`)).data.map(({id}) => id);
}

for (const [name, provider] of Object.entries(PROVIDERS)) {
  test(`what ${name} signs is taken, and nothing that differs from it in one bit`, async (t) => {
    const world = await setUp(t);
    const {api, client} = world;
    await api.expect('PUT', '/v1/secrets/PROVIDER', {value: SECRET});
    const link = await verified(
        world, 'app',
        {provider: provider.provider ?? name, ...(provider.settings ?? {secrets: ['$Secret{PROVIDER}']})});
    const url = link + (provider.query ?? '');
    const body = provider.body ?? JSON_BODY;
    const request = {body, url, id: 'msg_1'};
    request.headers = await provider.headers(request);
    assert.ok(await provider.takes(request), 'the library takes it');
    const post = (bytes, headers) => client.send(
        'POST', url, bytes, {'content-type': provider.type ?? JSON_TYPE, ...headers});

    let refused = 0;
    const refuses = async (bytes, headers, what) => {
      const answer = await post(bytes, headers);
      assert.equal(answer.status, 401, `${what}: ${answer.body}`);
      assert.equal(answer.headers['content-type'], 'application/problem+json');
      ++refused;
    };
    for (let at = 0; at < Buffer.byteLength(body); ++at)
      await refuses(flipped(body, at), request.headers, `byte ${at} of the body`);
    for (const header of provider.signed) {
      const value = request.headers[header];
      for (let at = 0; at < value.length; ++at) {
        const changed = {...request.headers, [header]: flipped(value, at).toString()};
        await refuses(body, changed, `byte ${at} of ${header}`);
      }
      const {[header]: _, ...rest} = request.headers;
      await refuses(body, rest, `without ${header}`);
    }
    assert.deepEqual(await messagesOf(world, 'app'), []);
    const metrics = (await api.call('GET', '/metrics')).text;
    const counted = [...metrics.matchAll(/^headrace_ingest_unverified_total\{.*\} (\d+)$/gm)]
                        .reduce((sum, [, count]) => sum + Number(count), 0);
    assert.equal(counted, refused);

    const first = await post(body, request.headers);
    assert.equal(first.status, 200, first.body.toString());
    const {id} = JSON.parse(first.body);
    if (provider.once) {
      const again = await post(body, {...request.headers, 'idempotency-key': 'another'});
      assert.equal(JSON.parse(again.body).id, id);
    }
    assert.deepEqual(await messagesOf(world, 'app'), [id]);
  });
}

// The secrets that providers send along in a header, instead of a signature.
const TOKENS = {
  gitlab: {header: 'x-gitlab-token'},
  flutterwave: {header: 'verif-hash'},
  okta: {header: 'authorization'},
  cloudevents: {header: 'authorization', value: `Bearer ${SECRET}`},
  basic: {
    header: 'authorization',
    settings: {username: 'user'},
    value: `Basic ${Buffer.from(`user:${SECRET}`).toString('base64')}`,
  },
  'a scheme of one\'s own': {
    header: 'x-acme-key',
    settings: {provider: undefined, scheme: {header: 'X-Acme-Key', algorithm: 'token'}},
  },
};

for (const [provider, {header, settings = {}, value = SECRET}] of Object.entries(TOKENS)) {
  test(`the secret that ${provider} sends along goes to nobody`, async (t) => {
    const world = await setUp(t);
    const {api, client} = world;
    const sink = await scratch.sink(t);
    await verified(world, 'app', {provider, secrets: [SECRET], ...settings});
    await api.expect('POST', '/v1/apps/app/events', {
      name: 'Push',
      tag: 'hook:push',
      selector: '$Header{X-Event}',
      selector_value: 'push',
      sample: {action: 'any'},
    });
    const link = await api.expect(
        'POST', '/v1/products/shop/links',
        {access_tag: 'app', webhook_tag: 'hook', env: 'prd', url: sink.url});
    const post = (name) => client.send(
        'POST', link.url, JSON_BODY, {'content-type': JSON_TYPE, 'x-event': 'push', [name]: value});
    assert.equal((await post('x-other')).status, 401);
    const taken = await post(header);
    assert.equal(taken.status, 200, taken.body.toString());
    const {id} = JSON.parse(taken.body);
    await sink.reaches(() => sink.records.length === 1, {what: 'the message at the endpoint'});
    assert.equal(sink.records[0].headers['x-event'], 'push');
    assert.equal(sink.records[0].headers[header], undefined);
    const shown = (await api.call('GET', `/v1/messages/${id}`)).text;
    assert.match(shown, /x-event: push/i);
    for (const secret of [SECRET, value]) {
      assert.ok(!shown.includes(secret), shown);
      assert.ok(!JSON.stringify(sink.records[0]).includes(secret));
    }
  });
}

test('a secret that is missing closes a link, and one that comes opens it', async (t) => {
  const world = await setUp(t);
  const {api, client} = world;
  const made = await api.expect('POST', '/v1/apps/app/webhooks', {
    tag: 'hook',
    name: 'H',
    envs: [{slug: 'prd', verification: {provider: 'github', secrets: ['$Secret{LATE}']}}],
  });
  assert.match(made.warnings.join(), /there is no secret LATE/);
  const post = async (secret) => (await client.send('POST', made.envs[0].link, JSON_BODY, {
    'content-type': JSON_TYPE,
    'x-hub-signature-256': await signGithub(secret, JSON_BODY),
  })).status;
  assert.equal(await post('first'), 401);
  await api.expect('PUT', '/v1/secrets/LATE', {value: 'first'});
  assert.equal(await post('first'), 200);
  assert.deepEqual((await api.expect('GET', '/v1/apps/app/webhooks/hook')).warnings, []);
  await api.expect('PUT', '/v1/secrets/LATE', {value: 'second'});
  assert.deepEqual([await post('first'), await post('second')], [401, 200]);
  assert.equal((await api.call('DELETE', '/v1/secrets/LATE')).status, 409);
  assert.equal((await api.call('DELETE', '/v1/secrets/LATE?cascade=true')).status, 204);
  assert.equal(await post('second'), 401);
});

test('a link of one customer has its own secret', async (t) => {
  const world = await setUp(t);
  const {api, client} = world;
  const ofAll = await verified(world, 'app', {provider: 'github', secrets: ['all']});
  const spec = {access_tag: 'app', webhook_tag: 'hook', env: 'prd', url: (await scratch.sink(t)).url};
  const path = '/v1/products/shop/links';
  const own = {provider: 'github', secrets: ['own']};
  const link = await api.expect('POST', path, {...spec, verification: own});
  assert.deepEqual(link.verification, {provider: 'github', secrets: ['[hidden]']});
  const post = async (to, secret) => (await client.send('POST', to, JSON_BODY, {
    'content-type': JSON_TYPE,
    'x-hub-signature-256': await signGithub(secret, JSON_BODY),
  })).status;
  assert.deepEqual([await post(link.url, 'own'), await post(link.url, 'all')], [200, 401]);
  assert.deepEqual([await post(ofAll, 'own'), await post(ofAll, 'all')], [401, 200]);
  assert.deepEqual((await api.expect('POST', path, spec)).verification, link.verification);
  const cleared = await api.expect('POST', path, {...spec, verification: null});
  assert.equal(cleared.verification, null);
  assert.deepEqual([await post(link.url, 'own'), await post(link.url, 'all')], [401, 200]);
});

test('settings that are wrong are refused where they are, and secrets are not shown', async (t) => {
  const {api} = await setUp(t);
  const create = (verification) => api.call(
      'POST', '/v1/apps/app/webhooks',
      {body: {tag: 'hook', name: 'H', envs: [{slug: 'prd', verification}]}});
  for (const [verification, pointer] of [
           [{provider: 'nobody', secrets: ['x']}, '/provider'],
           [{provider: 'github'}, '/secrets'],
           [{provider: 'github', secrets: ['x'], more: 1}, '/more'],
           [{provider: 'github', secrets: ['x', '$Secret{']}, '/secrets/1'],
           [{provider: 'github', secrets: ['[hidden]']}, '/secrets/0'],
           [{provider: 'slack', secrets: ['x'], tolerance: '13h'}, '/tolerance'],
  ]) {
    const {status, body, text} = await create(verification);
    assert.equal(status, 422, text);
    assert.equal(body.errors[0].pointer ?? body.errors[0].where, `/envs/0/verification${pointer}`, text);
  }
  const secrets = ['$Secret{ONE}', 'plain'];
  const {body, text} = await create({provider: 'meta', secrets, verify_token: 'mine'});
  assert.deepEqual(body.envs[0].verification, {
    provider: 'meta',
    secrets: ['$Secret{ONE}', '[hidden]'],
    verify_token: '[hidden]',
  });
  assert.doesNotMatch(text, /plain|mine/);
  const cleared = await api.expect(
      'PATCH', '/v1/apps/app/webhooks/hook', {envs: [{slug: 'prd', verification: null}]});
  assert.equal(cleared.envs[0].verification, null);
  assert.match(cleared.warnings.join(), /not verified/);
});
