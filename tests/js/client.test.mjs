// SPDX-License-Identifier: Apache-2.0
// The client against a recording server: settings, pages, errors, repeats, secrets.
import assert from 'node:assert/strict';
import test from 'node:test';
import {inspect} from 'node:util';

import Default, {Headrace, HeadraceError, HttpMethods} from '../../tools/js/index.js';
import {closedPort} from '../integration/lib/sink.mjs';

import {clientOf, KEY, page, spec, use, UUID} from './lib/client.mjs';
import {startServer} from './lib/server.mjs';

test('the default export is the class, and methods have names', () => {
  assert.equal(Default, Headrace);
  assert.equal(HttpMethods.POST, 'POST');
  assert.ok(Object.isFrozen(HttpMethods));
});

test(
    'app.init() and product.init() set what later calls mean, until they are set anew',
    async (t) => {
      const server = await startServer(t, () => ({body: page}));
      const client = clientOf(server);
      for (const tag of ['one', 'two']) {
        await client.app.init(tag);
        await client.product.init(tag);
        await client.app.webhooks.fetchAll();
        await client.product.webhook.fetchAllForProductApp('a');
      }
      assert.deepEqual(server.requests.map(({url}) => url), [
        '/v1/apps/one/webhooks',
        '/v1/products/one/links?app=a',
        '/v1/apps/two/webhooks',
        '/v1/products/two/links?app=a',
      ]);
    });

test(
    'a call without its app, product, tag or id is not sent, and the error says what to do',
    async (t) => {
      const server = await startServer(t);
      const client = clientOf(server);
      const named = clientOf(server, {app: 'a'});
      for (const [call, words] of [
               [() => client.app.webhooks.fetchAll(), /app\.init\(tag\)/],
               [() => client.app.webhooks.events.trigger('w:e'), /app\.init\(tag\)/],
               [() => client.product.webhook.fetchAllForProductApp('a'), /product\.init\(tag\)/],
               [() => client.products.webhooks.enable({...use, envs: []}), /product\.init\(tag\)/],
               [() => client.app.init(''), /app\.init\(\) needs a tag/],
               [() => client.product.init(), /product\.init\(\) needs a tag/],
               [() => named.app.webhooks.fetch(''), /missing/],
               [() => named.app.webhooks.fetch(), /missing/],
               [() => named.app.webhooks.fetch('..'), /missing/],
               [() => client.endpoints.delete('.'), /missing/],
      ]) {
        await assert.rejects(call, (error) => {
          assert.ok(error instanceof HeadraceError);
          assert.equal(error.code, 'invalid_argument');
          assert.equal(error.status, 0);
          assert.match(error.message, words);
          return true;
        });
      }
      assert.deepEqual(server.requests, []);
    });

test('a tag is one segment of the path, whatever it holds', async (t) => {
  const server = await startServer(t);
  await clientOf(server, {app: 'a/b?c#d'}).app.webhooks.fetch('../x y');
  assert.equal(server.requests[0].url, '/v1/apps/a%2Fb%3Fc%23d/webhooks/..%2Fx%20y');
});

test('the workspace is sent where it is given, unless it shall not be checked', async (t) => {
  const server = await startServer(t);
  await clientOf(server, {workspace_id: 'w-1', user_id: 'u-1'}).self();
  await clientOf(server, {workspace_id: 'w-1', checkWorkspace: false}).self();
  await clientOf(server).self();
  assert.deepEqual(
      server.requests.map(({headers}) => headers['headrace-workspace']),
      ['w-1', undefined, undefined]);
});

test('accessKey is another name of the key', async (t) => {
  const server = await startServer(t);
  await new Headrace({accessKey: 'other', baseUrl: server.url}).self();
  assert.equal(server.requests[0].headers.authorization, 'Bearer other');
});

test('the base URL may have a path, and is HEADRACE_URL unless it is given', async (t) => {
  const server = await startServer(t);
  await new Headrace({private_key: KEY, baseUrl: `${server.url}/below/`}).self();
  const before = process.env.HEADRACE_URL;
  try {
    process.env.HEADRACE_URL = server.url;
    await new Headrace({private_key: KEY}).self();
  } finally {
    if (before === undefined)
      delete process.env.HEADRACE_URL;
    else
      process.env.HEADRACE_URL = before;
  }
  assert.deepEqual(server.requests.map(({url}) => url), ['/below/v1/self', '/v1/self']);
});

test('a client that cannot work is not made, and the reason quotes no secret', () => {
  for (const options
           of [undefined,
               {},
               {private_key: ''},
               {private_key: `${KEY}\n`},
               {private_key: `${KEY} x`},
               {private_key: KEY, baseUrl: 'localhost:8081'},
               {private_key: KEY, baseUrl: `http://user:${KEY}@127.0.0.1`},
               {private_key: KEY, workspace_id: 'a b'},
               {private_key: KEY, app: ''},
  ]) {
    assert.throws(() => new Headrace(options), (error) => {
      assert.ok(error instanceof HeadraceError, String(error));
      assert.equal(error.code, 'invalid_argument');
      assert.ok(!inspect(error).includes(KEY));
      return true;
    });
  }
});

test('lists go through all pages, in order, and ask for no more than is taken', async (t) => {
  const pages = [{data: [1, 2], next: 'c/1'}, {data: [], next: 'c2'}, {data: [3], next: null}];
  const server = await startServer(t, (_, number) => ({body: pages[(number - 1) % 3]}));
  const client = clientOf(server, {app: 'a'});
  assert.deepEqual(await client.app.webhooks.events.fetchAll('w'), [1, 2, 3]);
  assert.deepEqual(server.requests.map(({url}) => url), [
    '/v1/apps/a/events?webhook=w',
    '/v1/apps/a/events?webhook=w&cursor=c%2F1',
    '/v1/apps/a/events?webhook=w&cursor=c2',
  ]);
  for await (const item of client.messages.list({limit: 2})) {
    if (item === 2) break;
  }
  assert.equal(server.requests.length, 4);
  assert.equal(server.requests[3].url, '/v1/messages?limit=2');
});

test('a revision is sent as If-Match', async (t) => {
  const server =
      await startServer(t, ({method}) => method === 'DELETE' ? {status: 204} : {body: {}});
  const client = clientOf(server, {app: 'a'});
  await client.app.webhooks.update('w', {name: 'V'}, {revision: 4});
  await client.app.webhooks.delete('w', {revision: 5});
  await client.links.rotate('lnk_1', {revision: 6});
  await client.products.connect('p', 'admin', 'a', {revision: 7});
  await client.app.webhooks.update('w', {name: 'V'});
  assert.deepEqual(
      server.requests.map(({headers}) => headers['if-match']),
      ['"4"', '"5"', '"6"', '"7"', undefined]);
});

test('a problem document becomes an error with all that it says', async (t) => {
  const problem = {
    type: 'urn:headrace:problem:invalid_argument',
    title: 'Invalid argument',
    status: 422,
    detail: 'the webhook is not as it must be',
    code: 'invalid_argument',
    request_id: 'req_1',
    errors: [{pointer: '/envs/0/slug', detail: 'is missing'}],
  };
  const server = await startServer(
      t, () => ({status: 422, headers: {'x-request-id': 'req_1'}, body: problem}));
  await assert.rejects(clientOf(server, {app: 'a'}).app.webhooks.create({}), (error) => {
    assert.ok(error instanceof HeadraceError);
    assert.equal(error.name, 'HeadraceError');
    assert.equal(error.status, 422);
    assert.equal(error.code, 'invalid_argument');
    assert.equal(error.requestId, 'req_1');
    assert.deepEqual(error.problem, problem);
    assert.deepEqual(error.errors, problem.errors);
    assert.equal(
        error.message,
        '422 invalid_argument: the webhook is not as it must be; /envs/0/slug: is missing');
    return true;
  });
  assert.equal(server.requests.length, 1, 'an answer is final');
});

test('an answer that is not the API\'s is an error, and never followed', async (t) => {
  for (const [reply, status] of [
           [{status: 502, text: '<html>Bad Gateway</html>'}, 502],
           [{status: 500, text: '"sorry"'}, 500],
           [{status: 302, headers: {location: '/elsewhere'}}, 302],
           [{status: 200, text: 'hello'}, 200],
  ]) {
    const server = await startServer(t, () => ({headers: {'x-request-id': 'r'}, ...reply}));
    await assert.rejects(clientOf(server).self(), (error) => {
      assert.ok(error instanceof HeadraceError);
      assert.equal(error.code, 'unexpected_answer');
      assert.equal(error.status, status);
      assert.equal(error.problem, null);
      assert.deepEqual(error.errors, []);
      return true;
    });
    assert.equal(server.requests.length, 1);
  }
});

test(
    'a GET or POST whose connection fails is sent once more, a POST with the same key',
    async (t) => {
      const server =
          await startServer(t, (_, number) => number % 2 === 1 ? null : {body: {n: number}});
      const client = clientOf(server, {app: 'a'});
      assert.deepEqual(await client.app.webhooks.fetch('w'), {n: 2});
      assert.deepEqual(await client.app.webhooks.create(spec), {n: 4});
      const [, , first, second] = server.requests;
      assert.deepEqual(first.body, spec);
      assert.deepEqual(second.body, spec);
      assert.match(first.headers['idempotency-key'], UUID);
      assert.equal(second.headers['idempotency-key'], first.headers['idempotency-key']);
      await client.app.webhooks.create(spec);
      assert.notEqual(
          server.requests[4].headers['idempotency-key'], first.headers['idempotency-key']);
    });

test('two failures are an error, and what is not safe to repeat is not', async (t) => {
  const server = await startServer(t, () => null);
  const client = clientOf(server, {app: 'a'});
  for (const [call, sent] of [
           [() => client.app.webhooks.fetch('w'), 2],
           [() => client.app.webhooks.create(spec), 2],
           [() => client.app.webhooks.update('w', {}), 1],
           [() => client.app.webhooks.delete('w'), 1],
  ]) {
    const before = server.requests.length;
    await assert.rejects(call, {name: 'HeadraceError', code: 'unreachable', status: 0});
    assert.equal(server.requests.length - before, sent);
  }
});

test('nobody at the address is an error that names it', async () => {
  const url = `http://127.0.0.1:${await closedPort()}`;
  await assert.rejects(new Headrace({private_key: KEY, baseUrl: url}).self(), {
    code: 'unreachable',
    message: `${url} cannot be reached: ECONNREFUSED`,
  });
});

test('no answer in time is an error, and is not sent again', async (t) => {
  const server = await startServer(t, () => undefined);
  await assert.rejects(
      clientOf(server, {timeout: 50}).self(),
      {code: 'timed_out', message: 'GET /v1/self was not answered within 50 ms'});
  assert.equal(server.requests.length, 1);
});

test('another fetch may be given', async () => {
  const seen = [];
  const fetch = async (url, request) => {
    seen.push([url, request.method]);
    return Response.json({workspace: 'default'});
  };
  const client = new Headrace({private_key: KEY, baseUrl: 'http://elsewhere.test', fetch});
  assert.deepEqual(await client.self(), {workspace: 'default'});
  assert.deepEqual(seen, [['http://elsewhere.test/v1/self', 'GET']]);
});

test('the key is in no error and in no printed client', async (t) => {
  const server = await startServer(
      t,
      (_, number) => number === 1 ? {
        status: 401,
        body: {
          title: 'Unauthorized',
          status: 401,
          code: 'unauthorized',
          detail: 'the key is wrong',
        }
      } :
                                    null);
  const client = clientOf(server);
  const careless = async (_, {headers}) => {
    throw new TypeError(`bad header ${headers.authorization}`);
  };
  const errors = [];
  for (const one of [client, client, clientOf(server, {fetch: careless})])
    await one.self().catch((error) => errors.push(error));
  assert.deepEqual(errors.map(({code}) => code), ['unauthorized', 'unreachable', 'unreachable']);
  for (const error of errors) {
    assert.ok(
        !(inspect(error, {depth: 9, showHidden: true}) + JSON.stringify(error)).includes(KEY));
  }
  assert.ok(!inspect(client, {depth: 9, showHidden: true}).includes(KEY));
});
