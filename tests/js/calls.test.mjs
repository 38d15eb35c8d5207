// SPDX-License-Identifier: Apache-2.0
// What each call of the client sends, and what it makes of the answer.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Headrace} from '../../tools/js/index.js';

import {clientOf, collect, KEY, page, spec, use, UUID} from './lib/client.mjs';
import {startServer} from './lib/server.mjs';

const event = {
  tag: 'w:e',
  name: 'E',
  selector: '$Event{type}',
  sample: {type: 'e'}
};
const ID = 'ep_0000000000000000000001';
const link = {
  id: 'lnk_1',
  url: 'http://h/in/1',
  link: 'http://h/in/1',
  endpoint: null
};

// [name, call, method, path, body, what the server answers, what the call is to answer].
const CALLS = [
  ['app.webhooks.create', (c) => c.app.webhooks.create(spec), 'POST', '/v1/apps/a/webhooks', spec],
  [
    'app.webhooks.update', (c) => c.app.webhooks.update('w', {name: 'V'}, {revision: 4}), 'PATCH',
    '/v1/apps/a/webhooks/w', {name: 'V'}
  ],
  [
    'app.webhooks.fetchAll', (c) => c.app.webhooks.fetchAll(), 'GET', '/v1/apps/a/webhooks',
    undefined, page, page.data
  ],
  ['app.webhooks.fetch', (c) => c.app.webhooks.fetch('w'), 'GET', '/v1/apps/a/webhooks/w'],
  [
    'app.webhooks.delete', (c) => c.app.webhooks.delete('w', {cascade: true}), 'DELETE',
    '/v1/apps/a/webhooks/w?cascade=true'
  ],
  [
    'app.webhooks.deleteEnv', (c) => c.app.webhooks.deleteEnv('w', 'prd'), 'DELETE',
    '/v1/apps/a/webhooks/w/envs/prd'
  ],
  [
    'app.webhooks.match', (c) => c.app.webhooks.match('w', {payload: {a: 1}}), 'POST',
    '/v1/apps/a/webhooks/w/match', {payload: {a: 1}}
  ],
  [
    'app.webhooks.events.create', (c) => c.app.webhooks.events.create(event), 'POST',
    '/v1/apps/a/events', event
  ],
  [
    'app.webhooks.events.update', (c) => c.app.webhooks.events.update('w:e', {name: 'F'}), 'PATCH',
    '/v1/apps/a/events/w%3Ae', {name: 'F'}
  ],
  [
    'app.webhooks.events.fetchAll', (c) => c.app.webhooks.events.fetchAll('w'), 'GET',
    '/v1/apps/a/events?webhook=w', undefined, page, page.data
  ],
  [
    'app.webhooks.events.fetch', (c) => c.app.webhooks.events.fetch('w:e'), 'GET',
    '/v1/apps/a/events/w%3Ae'
  ],
  [
    'app.webhooks.events.delete', (c) => c.app.webhooks.events.delete('w:e'), 'DELETE',
    '/v1/apps/a/events/w%3Ae'
  ],
  [
    'app.webhooks.events.trigger',
    (c) => c.app.webhooks.events.trigger('w:e', {env: 'prd', product: 'p', payload: [1]}), 'POST',
    '/v1/apps/a/events/w%3Ae/trigger', {env: 'prd', product: 'p', payload: [1]}
  ],
  [
    'app.webhooks.events.trigger with the sample', (c) => c.app.webhooks.events.trigger('w:e'),
    'POST', '/v1/apps/a/events/w%3Ae/trigger', {}
  ],
  ['app.fetchAll', (c) => c.app.fetchAll(), 'GET', '/v1/apps', undefined, page, page.data],
  ['app.delete', (c) => c.app.delete(), 'DELETE', '/v1/apps/a'],
  [
    'products.webhooks.enable',
    (c) => c.products.webhooks.enable({product: 'q', ...use, envs: [{slug: 'prd'}]}), 'POST',
    '/v1/products/q/webhooks/enable', {...use, envs: [{slug: 'prd'}]}
  ],
  [
    'processor.webhook.enable',
    (c) => c.processor.webhook.enable({product_tag: 'q', ...use, envs: []}), 'POST',
    '/v1/products/q/webhooks/enable', {...use, envs: []}
  ],
  [
    'products.webhooks.disable',
    (c) => c.products.webhooks.disable({product: 'q', ...use, envs: ['prd']}), 'POST',
    '/v1/products/q/webhooks/disable', {...use, envs: ['prd']}
  ],
  [
    'products.webhooks.generateLink',
    (c) => c.products.webhooks.generateLink({product: 'q', ...use, env: 'prd', url: 'http://r'}),
    'POST', '/v1/products/q/links', {...use, env: 'prd', url: 'http://r'}, link, link.url
  ],
  [
    'processor.webhook.generateLink',
    (c) => c.processor.webhook.generateLink({product_tag: 'q', ...use, product_env: 'prd'}), 'POST',
    '/v1/products/q/links', {...use, product_env: 'prd'}, link, link.url
  ],
  [
    'product.webhook.generateLink',
    (c) => c.product.webhook.generateLink({app: 'a', event: 'x.y', env: 'prd', product: 'q'}),
    'POST', '/v1/products/q/links', {app: 'a', event: 'x.y', env: 'prd'}, link, link.url
  ],
  [
    'product.webhook.generateLink of the product that was set',
    (c) => c.product.webhook.generateLink({app: 'a', event: 'x.y', env: 'prd'}), 'POST',
    '/v1/products/p/links', {app: 'a', event: 'x.y', env: 'prd'}, link, link.url
  ],
  [
    'products.webhooks.fetchAll', (c) => c.products.webhooks.fetchAll('admin'), 'GET',
    '/v1/webhooks?access_tag=admin', undefined, page, page.data
  ],
  [
    'product.webhook.fetchAllForProductApp', (c) => c.product.webhook.fetchAllForProductApp('a'),
    'GET', '/v1/products/p/links?app=a', undefined, page, page.data
  ],
  [
    'products.fetchAll', (c) => c.products.fetchAll(), 'GET', '/v1/products', undefined, page,
    page.data
  ],
  ['products.delete', (c) => c.products.delete('q'), 'DELETE', '/v1/products/q'],
  [
    'products.connect', (c) => c.products.connect('q', 'admin', 'a'), 'PUT',
    '/v1/products/q/apps/admin', {app: 'a'}
  ],
  [
    'products.disconnect', (c) => c.products.disconnect('q', 'admin'), 'DELETE',
    '/v1/products/q/apps/admin'
  ],
  [
    'products.connections', (c) => c.products.connections('q'), 'GET', '/v1/products/q/apps',
    undefined, page, page.data
  ],
  [
    'links.create', (c) => c.links.create({...use, env: 'prd'}), 'POST', '/v1/products/p/links',
    {...use, env: 'prd'}, link
  ],
  [
    'links.list', (c) => collect(c.links.list({app: 'a', env: 'prd'})), 'GET',
    '/v1/links?app=a&env=prd', undefined, page, page.data
  ],
  ['links.get', (c) => c.links.get('lnk_1'), 'GET', '/v1/links/lnk_1'],
  [
    'links.rotate', (c) => c.links.rotate('lnk_1', {grace: '1h', revision: 4}), 'POST',
    '/v1/links/lnk_1/rotate', {grace: '1h'}
  ],
  ['links.delete', (c) => c.links.delete('lnk_1'), 'DELETE', '/v1/links/lnk_1'],
  [
    'endpoints.create', (c) => c.endpoints.create({...use, env: 'prd', url: 'http://r'}), 'POST',
    '/v1/products/p/endpoints', {...use, env: 'prd', url: 'http://r'}
  ],
  [
    'endpoints.list', (c) => collect(c.endpoints.list()), 'GET', '/v1/endpoints', undefined, page,
    page.data
  ],
  ['endpoints.get', (c) => c.endpoints.get(ID), 'GET', `/v1/endpoints/${ID}`],
  [
    'endpoints.update', (c) => c.endpoints.update(ID, {adaptive: true}), 'PATCH',
    `/v1/endpoints/${ID}`, {adaptive: true}
  ],
  ['endpoints.delete', (c) => c.endpoints.delete(ID), 'DELETE', `/v1/endpoints/${ID}`],
  ['endpoints.pause', (c) => c.endpoints.pause(ID), 'POST', `/v1/endpoints/${ID}/pause`],
  ['endpoints.resume', (c) => c.endpoints.resume(ID), 'POST', `/v1/endpoints/${ID}/resume`],
  ['endpoints.drain', (c) => c.endpoints.drain(ID), 'POST', `/v1/endpoints/${ID}/drain`],
  ['endpoints.disable', (c) => c.endpoints.disable(ID), 'POST', `/v1/endpoints/${ID}/disable`],
  ['endpoints.discard', (c) => c.endpoints.discard(ID), 'POST', `/v1/endpoints/${ID}/discard`],
  [
    'endpoints.test', (c) => c.endpoints.test(ID, {event: 'e'}), 'POST', `/v1/endpoints/${ID}/test`,
    {event: 'e'}
  ],
  [
    'messages.list', (c) => collect(c.messages.list({link: 'lnk_1', status: 'unmatched'})), 'GET',
    '/v1/messages?link=lnk_1&status=unmatched', undefined, page, page.data
  ],
  ['messages.get', (c) => c.messages.get('msg_1'), 'GET', '/v1/messages/msg_1'],
  [
    'deliveries.list', (c) => collect(c.deliveries.list({message: 'msg_1'})), 'GET',
    '/v1/deliveries?message=msg_1', undefined, page, page.data
  ],
  [
    'attempts.list', (c) => collect(c.attempts.list({error: 'any'})), 'GET',
    '/v1/attempts?error=any', undefined, page, page.data
  ],
  ['messages.delete', (c) => c.messages.delete('msg_1'), 'DELETE', '/v1/messages/msg_1'],
  [
    'deadLetters.list', (c) => collect(c.deadLetters.list({endpoint: ID})), 'GET',
    `/v1/dead-letters?endpoint=${ID}`, undefined, page, page.data
  ],
  [
    'deadLetters.retry', (c) => c.deadLetters.retry({endpoint: ID, rate: 5}), 'POST',
    '/v1/dead-letters/retry', {endpoint: ID, rate: 5}
  ],
  [
    'deadLetters.retryOne', (c) => c.deadLetters.retryOne('msg_1', ID), 'POST',
    `/v1/messages/msg_1/deliveries/${ID}/retry`, {}
  ],
  [
    'jobs.replay', (c) => c.jobs.replay({app: 'a', dry_run: true}), 'POST', '/v1/replays',
    {app: 'a', dry_run: true}
  ],
  [
    'jobs.erase', (c) => c.jobs.erase({payload: {'$Event{a}': 1}}), 'POST', '/v1/erasures',
    {payload: {'$Event{a}': 1}}
  ],
  [
    'jobs.list', (c) => collect(c.jobs.list({kind: 'replay'})), 'GET', '/v1/jobs?kind=replay',
    undefined, page, page.data
  ],
  ['jobs.get', (c) => c.jobs.get('job_1'), 'GET', '/v1/jobs/job_1'],
  ['jobs.pause', (c) => c.jobs.pause('job_1'), 'POST', '/v1/jobs/job_1/pause', {}],
  ['jobs.resume', (c) => c.jobs.resume('job_1'), 'POST', '/v1/jobs/job_1/resume', {}],
  ['jobs.cancel', (c) => c.jobs.cancel('job_1'), 'POST', '/v1/jobs/job_1/cancel', {}],
  [
    'keys.create', (c) => c.keys.create({name: 'k', scopes: ['read']}), 'POST', '/v1/keys',
    {name: 'k', scopes: ['read']}
  ],
  ['keys.list', (c) => collect(c.keys.list()), 'GET', '/v1/keys', undefined, page, page.data],
  ['keys.get', (c) => c.keys.get('key_1'), 'GET', '/v1/keys/key_1'],
  ['keys.delete', (c) => c.keys.delete('key_1'), 'DELETE', '/v1/keys/key_1'],
  ['self', (c) => c.self(), 'GET', '/v1/self'],
];

for (const [name, call, method, url, body, answer = {id: name}, value = answer] of CALLS) {
  test(`${name} is ${method} ${url}`, async (t) => {
    const isDelete = method === 'DELETE';
    const server =
        await startServer(t, () => isDelete ? {status: 204} : {status: 200, body: answer});
    const got = await call(clientOf(server, {app: 'a', product: 'p'}));
    const [request, ...others] = server.requests;
    assert.deepEqual(others, []);
    assert.equal(request.method, method);
    assert.equal(request.url, url);
    assert.deepEqual(request.body, body);
    assert.equal(request.headers.authorization, `Bearer ${KEY}`);
    const isJson = body !== undefined;
    assert.equal(request.headers['content-type'], isJson ? 'application/json' : undefined);
    if (method === 'POST')
      assert.match(request.headers['idempotency-key'], UUID);
    else
      assert.equal(request.headers['idempotency-key'], undefined);
    assert.deepEqual(got, isDelete ? undefined : value);
  });
}

test('every public call is in the table above', () => {
  const client = new Headrace({private_key: KEY});
  const names = new Set();
  const visit = (prefix, object) => {
    const own = Object.keys(object);
    for (let proto = Object.getPrototypeOf(object); proto !== Object.prototype;
         proto = Object.getPrototypeOf(proto))
      own.push(...Object.getOwnPropertyNames(proto));
    for (const name of own.filter((one) => one !== 'constructor')) {
      if (typeof object[name] === 'function') names.add(canonical(prefix + name));
      if (typeof object[name] === 'object') visit(`${prefix}${name}.`, object[name]);
    }
  };
  visit('', client);
  const tested = new Set(CALLS.map(([name]) => canonical(name)));
  const missing = [...names].filter((name) => !tested.has(name) && !name.endsWith('.init'));
  assert.deepEqual(missing, []);
  assert.ok(names.has('app.webhooks.events.trigger') && names.size > 40, [...names].join());
});

// One object has three names.
function canonical(name) {
  return name.replace(/^(products\.webhooks|processor\.webhook)\./, 'product.webhook.');
}
