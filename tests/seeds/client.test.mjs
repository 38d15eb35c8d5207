// SPDX-License-Identifier: Apache-2.0
// The rest of the client, which the documents do not show, against a daemon.
import assert from 'node:assert/strict';
import test from 'node:test';

import Headrace, {HeadraceError, HttpMethods} from '../../tools/js/index.js';
import * as scratch from '../integration/lib/scratch.mjs';
import {until} from '../integration/lib/wait.mjs';

const EVENT = {
  tag: 'orders:paid',
  name: 'Paid',
  description: 'An order is paid',
  selector: '$Event{type}',
  sample: {type: 'paid'},
};
const EVERYWHERE = {
  app: 'shop',
  webhook: 'orders',
  env: 'prd',
  product: 'ledger'
};

async function collect(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

// App "shop" with webhook "orders", known to product "ledger" as "admin", which has a receiver.
async function setUp(t) {
  const daemon = await scratch.daemon(t);
  const sink = await scratch.sink(t);
  const headrace = new Headrace({
    private_key: daemon.api.key,
    baseUrl: `http://${daemon.apiAddress}`,
    app: 'shop',
    product: 'ledger',
  });
  const {webhooks} = headrace.app;
  await webhooks.create({
    tag: 'orders',
    name: 'Orders',
    description: 'What happens to orders',
    envs: [{slug: 'prd'}, {slug: 'stg'}],
  });
  await webhooks.events.create(EVENT);
  await headrace.products.connect('ledger', 'admin', 'shop');
  const made = await headrace.links.create({
    access_tag: 'admin',
    webhook_tag: 'orders',
    env: 'prd',
    url: sink.url,
    method: HttpMethods.POST,
  });
  return {daemon, sink, headrace, made, sender: scratch.client(t)};
}

async function post({sender}, link, payload) {
  const answer = await sender.send(
      'POST', link, JSON.stringify(payload), {'content-type': 'application/json'});
  assert.equal(answer.status, 200, answer.body.toString());
  return JSON.parse(answer.body).id;
}

// What the client says that nobody has.
const isNotFound = {
  name: 'HeadraceError',
  status: 404,
  code: 'not_found'
};

test('apps and products are listed, connected and deleted with what they have', async (t) => {
  const {headrace} = await setUp(t);
  assert.deepEqual(
      (await headrace.app.fetchAll()).map(({tag, webhooks}) => [tag, webhooks]), [['shop', 1]]);
  assert.deepEqual((await headrace.products.fetchAll()).map(({tag}) => tag), ['ledger']);
  assert.deepEqual(
      (await headrace.products.connections('ledger')).map(({access_tag, app}) => [access_tag, app]),
      [['admin', 'shop']]);
  await assert.rejects(headrace.app.delete(), (error) => {
    assert.equal(error.status, 409);
    assert.ok(error.problem.conflicts.length > 0);
    return true;
  });
  await headrace.app.webhooks.deleteEnv('orders', 'stg');
  assert.deepEqual(
      (await headrace.app.webhooks.fetch('orders')).envs.map(({slug}) => slug), ['prd']);
  await assert.rejects(headrace.products.disconnect('ledger', 'admin'), {status: 409});
  await headrace.products.delete('ledger', {cascade: true});
  assert.deepEqual(await headrace.products.fetchAll(), []);
  await headrace.app.webhooks.events.delete('orders:paid');
  await headrace.app.webhooks.delete('orders');
  await assert.rejects(headrace.app.webhooks.fetch('orders'), isNotFound);
  assert.deepEqual(await headrace.app.fetchAll(), []);
});

test('match tells who would get a message, and sends nothing', async (t) => {
  const {headrace, sink, made} = await setUp(t);
  const report = await headrace.app.webhooks.match('orders', {env: 'prd', payload: {type: 'paid'}});
  assert.equal(report.event, 'orders:paid');
  assert.deepEqual(
      report.receivers.map(({endpoint, product, reached}) => [endpoint, product, reached]),
      [[made.endpoint, 'ledger', true]]);
  assert.equal((await headrace.app.webhooks.match('orders', {payload: {}})).event, null);
  assert.deepEqual(await collect(headrace.messages.list({link: made.id})), []);
  assert.deepEqual(sink.records, []);
});

test('trigger and test send real messages, marked as tests', async (t) => {
  const {headrace, sink, made} = await setUp(t);
  const sent = [
    await headrace.app.webhooks.events.trigger('orders:paid', {env: 'prd'}),
    await headrace.app.webhooks.events.trigger(
        'paid', {env: 'prd', product: 'ledger', payload: {type: 'paid', number: 7}}),
    await headrace.endpoints.test(made.endpoint, {event: 'paid'}),
  ];
  assert.deepEqual(
      sent.map(({event, receivers}) => [event, receivers]), Array(3).fill(['orders:paid', 1]));
  await sink.receives(3);
  const bodies = new Map(sink.records.map(({message, body}) => [message, JSON.parse(body)]));
  assert.deepEqual(
      sent.map(({message}) => bodies.get(message)),
      [EVENT.sample, {type: 'paid', number: 7}, EVENT.sample]);
  for (const {message} of sent) {
    const recorded = await until(() => headrace.messages.get(message), {what: 'no message'});
    assert.equal(recorded.test, true);
    assert.equal(recorded.event, 'orders:paid');
  }
});

test('endpoints are listed, changed while they are what was seen, and deleted', async (t) => {
  const job = await setUp(t);
  const {headrace, made} = job;
  const [endpoint, ...others] = await collect(headrace.endpoints.list(EVERYWHERE));
  assert.deepEqual(others, []);
  assert.equal(endpoint.id, made.endpoint);
  assert.deepEqual(await headrace.endpoints.get(endpoint.id), endpoint);
  const {revision} = endpoint;
  const changed = await headrace.endpoints.update(endpoint.id, {state: 'disabled'}, {revision});
  assert.equal(changed.state, 'disabled');
  assert.ok(changed.revision > revision);
  await assert.rejects(
      headrace.endpoints.update(endpoint.id, {state: 'active'}, {revision}),
      (error) => error instanceof HeadraceError && error.status === 412);
  await post(job, made.url, {type: 'paid'});
  await headrace.endpoints.delete(endpoint.id, {cascade: true});
  await assert.rejects(headrace.endpoints.get(endpoint.id), isNotFound);
  assert.deepEqual(job.sink.records, []);
  const second = await headrace.endpoints.create(
      {access_tag: 'admin', webhook_tag: 'orders', env: 'stg', url: job.sink.url});
  assert.equal(second.method, 'POST');
  await post(job, second.link, {type: 'paid'});
  await job.sink.receives(1);
});

test('disable ends a registration', async (t) => {
  const {headrace} = await setUp(t);
  const use = {product: 'ledger', access_tag: 'admin', webhook_tag: 'orders'};
  assert.equal((await headrace.products.webhooks.fetchAll('admin')).length, 1);
  await headrace.products.webhooks.disable(use);
  assert.deepEqual(await headrace.products.webhooks.fetchAll('admin'), []);
  assert.deepEqual(await collect(headrace.endpoints.list()), []);
});

test('a rotated link leads where the old one led, which works for its grace time', async (t) => {
  const job = await setUp(t);
  const {headrace, made, sink} = job;
  const rotated = await headrace.links.rotate(made.id, {grace: '1h'});
  assert.notEqual(rotated.url, made.url);
  assert.ok(Date.parse(rotated.previous_until) > 0);
  assert.deepEqual(await headrace.links.get(made.id), rotated);
  await post(job, made.url, {type: 'paid', by: 'old'});
  await post(job, rotated.url, {type: 'paid', by: 'new'});
  await sink.receives(2);
  const pinned = await headrace.links.create({app: 'admin', event: 'paid', env: 'prd'});
  const listed = await collect(headrace.links.list({product: 'ledger'}));
  assert.deepEqual(listed.map(({id}) => id).sort(), [made.id, pinned.id].sort());
  await headrace.links.delete(pinned.id);
  await assert.rejects(headrace.links.get(pinned.id), isNotFound);
});

test('messages, deliveries and attempts are listed page by page, newest first', async (t) => {
  const job = await setUp(t);
  const {headrace, made, sink} = job;
  const ids = [];
  for (let number = 0; number < 5; ++number)
    ids.push(await post(job, made.url, {type: 'paid', number}));
  const unmatched = await post(job, made.url, {type: 'other'});
  await sink.receives(5);
  const newest = [...ids].reverse();
  const listed = (list) => until(async () => {
    const items = await collect(list());
    return items.length >= 5 && items.every(({status}) => status !== 'waiting') &&
        items.map(({message, id}) => message ?? id);
  }, {what: 'the record is short'});
  const filter = {...EVERYWHERE, limit: 2};
  assert.deepEqual(
      await listed(() => headrace.messages.list({...filter, status: 'routed'})), newest);
  assert.deepEqual(
      await listed(() => headrace.deliveries.list({...filter, status: 'delivered'})), newest);
  assert.deepEqual(await listed(() => headrace.attempts.list({...filter, error: 'none'})), newest);
  const [other] = await collect(headrace.messages.list({link: made.id, status: 'unmatched'}));
  assert.equal(other.id, unmatched);
  const whole = await headrace.messages.get(ids[0]);
  assert.deepEqual(JSON.parse(whole.body), {type: 'paid', number: 0});
  assert.equal(whole.method, 'POST');
});

test('a key is made, does what its scopes allow, and ends when it is revoked', async (t) => {
  const {headrace, daemon} = await setUp(t);
  const {id, secret} = await headrace.keys.create({name: 'looks', scopes: ['read']});
  const baseUrl = `http://${daemon.apiAddress}`;
  const reader = new Headrace({private_key: secret, workspace_id: 'default', baseUrl, app: 'shop'});
  assert.deepEqual(await reader.self(), {workspace: 'default', scopes: ['read'], key: id});
  assert.equal((await reader.app.webhooks.fetchAll()).length, 1);
  await assert.rejects(reader.app.webhooks.update('orders', {name: 'Mine'}), {
    status: 403,
    code: 'forbidden',
  });
  const elsewhere = new Headrace({private_key: secret, workspace_id: 'other', baseUrl});
  await assert.rejects(elsewhere.self(), {status: 403, code: 'forbidden'});
  const shown = [...await collect(headrace.keys.list()), await headrace.keys.get(id)];
  assert.ok(shown.some((key) => key.id === id));
  assert.ok(!JSON.stringify(shown).includes(secret));
  await headrace.keys.delete(id);
  await assert.rejects(reader.self(), {status: 401});
});

test('an error names the members at fault', async (t) => {
  const {headrace} = await setUp(t);
  const create = headrace.app.webhooks.create({tag: 'bad', name: 'Bad', envs: [{slug: 'No!'}]});
  await assert.rejects(create, (error) => {
    assert.ok(error instanceof HeadraceError);
    assert.equal(error.status, 422);
    assert.equal(error.code, 'invalid_argument');
    assert.match(error.requestId, /^req_[0-9A-Za-z]{22}$/);
    assert.deepEqual(error.errors.map(({pointer}) => pointer), ['/envs/0/slug']);
    assert.match(error.message, /\/envs\/0\/slug/);
    return true;
  });
});
