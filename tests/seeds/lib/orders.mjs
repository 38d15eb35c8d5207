// SPDX-License-Identifier: Apache-2.0
// The app behind documents 3 and 5: webhook "order_created", known to their product as "admin".
import assert from 'node:assert/strict';

export const HOSTS = ['api.example.com', 'staging.example.com'];
export const PATH = '/webhooks/orders';
export const CREDENTIAL = 'Bearer <<token>>';

const SAMPLE = {
  headers: {Authorization: 'Bearer '},
  query: {},
  body: {},
  params: {}
};

// `provider`: a server that is called to register, by POST for prd and by PUT for stg; without one,
// links are pasted by hand.
export async function defineOrders(api, product, provider) {
  const registration = (method, path) =>
      provider === undefined ? {} : {registration_url: provider.url + path, method, sample: SAMPLE};
  await api.post('/v1/apps/shop/webhooks', {
    tag: 'order_created',
    name: 'Order created',
    description: 'A customer has ordered',
    envs: [
      {slug: 'prd', ...registration('POST', '/register?by=headrace')},
      {slug: 'stg', ...registration('PUT', '/staging/register')},
      {slug: 'production'},
    ],
  });
  await api.post('/v1/apps/shop/events', {
    tag: 'order_created:paid',
    name: 'Paid',
    description: 'The order is paid',
    selector: '$Event{type}',
    sample: {type: 'paid'},
  });
  await connect(api, product);
}

export async function connect(api, product) {
  assert.deepEqual(
      pick(await api.expect('PUT', `/v1/products/${product}/apps/admin`, {app: 'shop'})),
      {product, access_tag: 'admin', app: 'shop'});
}

const pick = ({product, access_tag, app}) => ({product, access_tag, app});

// A payload that is an event, in bytes that a JSON library would not write.
export function orderOf(number) {
  return `{ "number": ${number}.00,\t"type": "\\u0070aid" }\n`;
}

// The product's registration, whose envs are `slugs`.
export async function registrationOf(api, product, slugs) {
  const [registration, ...others] =
      await api.all(`/v1/products/${product}/webhooks?access_tag=admin`);
  assert.deepEqual(others, []);
  assert.equal(registration.product, product);
  assert.equal(registration.access_tag, 'admin');
  assert.equal(registration.app, 'shop');
  assert.equal(registration.webhook_tag, 'order_created');
  assert.deepEqual(registration.envs.map(({slug}) => slug).sort(), [...slugs].sort());
  return Object.fromEntries(registration.envs.map((env) => [env.slug, env]));
}

// The provider was called once for each env, with what was configured and nothing else.
export function checkCalls(provider, {prd, stg}) {
  const seen = provider.records.map(({method, url, headers, body}) => ({
                                      method,
                                      url,
                                      authorization: headers.authorization,
                                      type: headers['content-type'],
                                      body: JSON.parse(body),
                                    }));
  const called = (method, url, link) =>
      ({method, url, authorization: CREDENTIAL, type: 'application/json', body: {url: link}});
  assert.deepEqual(seen.sort((a, b) => a.method < b.method ? -1 : 1), [
    called('POST', '/register?by=headrace', prd.link),
    called('PUT', '/staging/register', stg.link),
  ]);
}

// Both examples of full registration, with a provider that takes registrations.
export async function checkRegistering(stage, example, product, provider) {
  await defineOrders(stage.api, product, provider);
  await stage.run(example);
  const envs = await registrationOf(stage.api, product, ['prd', 'stg']);
  checkCalls(provider, envs);
  for (const env of [envs.prd, envs.stg]) {
    assert.equal(env.status, 'registered');
    assert.equal(env.call.http_status, 200);
    assert.equal(env.method, 'POST');
  }
  await checkDeliveries(stage, envs, undefined);
  await stage.run(example);  // "a repeat changes nothing that is as asked"
  assert.deepEqual(await registrationOf(stage.api, product, ['prd', 'stg']), envs);
  assert.equal(await stage.daemon.stop(), 0);
  assert.equal(provider.records.length, 2);
}

// The same, where no provider takes registrations: `auth` is the receiver's.
export async function checkEnabling(stage, example, product) {
  await defineOrders(stage.api, product);
  await stage.run(example);
  const envs = await registrationOf(stage.api, product, ['prd', 'stg']);
  for (const env of [envs.prd, envs.stg]) {
    assert.equal(env.status, 'enabled');
    assert.equal(env.call, null);
  }
  await checkDeliveries(stage, envs, CREDENTIAL);
  const shown = JSON.stringify(await stage.api.all('/v1/endpoints'));
  assert.ok(!shown.includes('<<token>>'), 'credentials are not shown again');
  assert.equal(await stage.daemon.stop(), 0);
}

// Each env's link leads to its receiver and to no other.
async function checkDeliveries(stage, {prd, stg}, authorization) {
  assert.notEqual(prd.link, stg.link);
  for (const [env, host, number] of [[prd, HOSTS[0], 1], [stg, HOSTS[1], 2]]) {
    const record = await stage.delivers(env.link, orderOf(number), host, PATH);
    assert.equal(record.method, 'POST');
    assert.equal(record.headers.authorization, authorization);
  }
  for (const host of HOSTS) assert.equal(stage.servers[host].records.length, 1, host);
}

// Both examples of generating a link, for env `slug`.
export async function checkLink(stage, example, product, slug) {
  await defineOrders(stage.api, product);
  const first = await stage.run(example, ['link']);
  const {link} = first.values;
  assert.equal(typeof link, 'string');
  assert.equal(first.output, `Register this link in your provider dashboard: ${link}\n`);
  const second = await stage.run(example, ['link']);
  assert.equal(second.values.link, link, 'asking again answers the same link');
  const envs = await registrationOf(stage.api, product, [slug]);
  assert.equal(envs[slug].link, link);
  const record = await stage.delivers(link, orderOf(1), HOSTS[0], PATH);
  assert.equal(record.method, 'POST');
  assert.equal(record.headers.authorization, undefined);
  assert.equal(await stage.daemon.stop(), 0);
  assert.equal(stage.servers[HOSTS[0]].records.length, 1);
}
