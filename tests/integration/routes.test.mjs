// SPDX-License-Identifier: Apache-2.0
// Every route of the document that the daemon serves, asked for rightly and wrongly; every answer
// held to what the document says of it. What is in one workspace is nowhere for another.
import assert from 'node:assert/strict';
import test from 'node:test';

import {OpenApi} from './lib/openapi.mjs';
import {CASES} from './lib/route_cases.mjs';
import * as scratch from './lib/scratch.mjs';
import {Caller, makeWorld, SCOPES} from './lib/world.mjs';

const ALL_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

async function setUp(t) {
  const daemon = await scratch.daemon(t, {args: ['--durability', 'os']});
  const sink = await scratch.sink(t);
  const {body} = await daemon.api.call('GET', '/openapi.json');
  const api = new OpenApi(body);
  const nobody = new Caller(daemon.api.baseUrl, null);
  scratch.atEnd(t, () => nobody.close());
  const world = async (name) => {
    const made = await makeWorld(daemon, name, sink);
    made.sinkUrl = sink.url;
    scratch.atEnd(t, () => made.close());
    return made;
  };
  return {daemon, api, nobody, world};
}

function target({path}, values, query = {}) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
  const text = new URLSearchParams(query).toString();
  return text === '' ? filled : `${filled}?${text}`;
}

// Who may ask: the key with that scope and no other.
function callerFor({scope}, world) {
  if (scope === 'operator') return world.root;
  return world.keys[scope === 'any' || scope === 'none' ? 'read' : scope].caller;
}

function check(api, operation, answer, status) {
  assert.deepEqual(api.faults(operation, answer), []);
  assert.equal(answer.status, status, `${operation.id}: ${answer.text}`);
}

// What a GET answers by HEAD, and to somebody who knows it already.
async function checkReads(api, operation, caller, path, answer) {
  const head = await caller.call('HEAD', path);
  assert.equal(head.status, answer.status, operation.id);
  assert.equal(head.text, '');
  assert.equal(head.headers['content-type'], answer.headers['content-type']);
  const {etag} = answer.headers;
  if (etag === undefined) return;
  assert.equal(etag, `"${answer.body.revision}"`);
  const known = await caller.call('GET', path, {headers: {'if-none-match': etag}});
  check(api, operation, known, 304);
}

test('every operation does what the document says', async (t) => {
  const {api, world} = await setUp(t);
  const operations = api.operations();
  assert.deepEqual(
      operations.map(({id}) => id).sort(), Object.keys(CASES).sort(), 'each has a case');
  for (const [index, operation] of operations.entries()) {
    const own = await world(`w${index}`);
    const caller = callerFor(operation, own);
    for (const {values = {}, query, body, status = 200} of CASES[operation.id](own)) {
      const path = target(operation, {...own.values, ...values}, query);
      const answer = await caller.call(operation.method, path, {body});
      check(api, operation, answer, status);
      if (operation.method === 'GET') await checkReads(api, operation, caller, path, answer);
    }
  }
  const promised = operations.flatMap(
      ({id, operation}) => Object.keys(operation.responses)
                               .filter((status) => status < 400)
                               .map((status) => `${id} ${status}`));
  assert.deepEqual(promised.filter((one) => !api.seen.has(one)), [], 'every success was seen');
});

test('nobody gets in without a key, with a wrong one, or without the scope', async (t) => {
  const {daemon, api, nobody, world} = await setUp(t);
  const own = await world('own');
  const other = await world('other');
  const wrong = new Caller(daemon.api.baseUrl, `hrk_${'0'.repeat(44)}`);
  scratch.atEnd(t, () => wrong.close());
  for (const operation of api.operations()) {
    if (operation.scope === 'none') continue;
    const path = target(operation, own.values);
    const answer = await nobody.call(operation.method, path);
    check(api, operation, answer, 401);
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
    for (const scope of SCOPES) {
      if (scope === 'admin' ? operation.scope !== 'operator' :
                              [scope, 'any'].includes(operation.scope))
        continue;
      check(api, operation, await own.keys[scope].caller.call(operation.method, path), 403);
    }
    if (operation.scope === 'operator') continue;
    const foreign = {headers: {'headrace-workspace': other.name}};
    check(api, operation, await own.keys.admin.caller.call(operation.method, path, foreign), 403);
  }
  // Whoever goes on trying is locked out, and keys that were at work are not.
  const answers = new Set();
  for (const operation of api.operations()) {
    if (operation.scope === 'none') continue;
    const answer = await wrong.call(operation.method, target(operation, own.values));
    answers.add(answer.status);
    check(api, operation, answer, answers.has(429) ? 429 : 401);
    if (answer.status === 429) assert.match(answer.headers['retry-after'], /^[0-9]+$/);
  }
  assert.deepEqual([...answers], [401, 429]);
  assert.equal((await own.keys.admin.caller.call('GET', '/v1/self')).status, 200);
});

test('methods and types that a route does not take are refused', async (t) => {
  const {api, world} = await setUp(t);
  const own = await world('own');
  for (const path of Object.keys(api.document.paths)) {
    const allowed = api.allowed(path);
    for (const method of ALL_METHODS) {
      if (allowed.has(method)) continue;
      const answer = await own.own.call(method, target({path}, own.values));
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.body.code, 'method_not_allowed');
      assert.deepEqual(new Set(answer.headers.allow.split(', ')), allowed, path);
    }
  }
  for (const operation of api.operations()) {
    if (operation.operation.requestBody === undefined) continue;
    const caller = callerFor(operation, own);
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data']) {
      const answer = await caller.call(
          operation.method, target(operation, own.values),
          {body: '{}', headers: {'content-type': type}});
      check(api, operation, answer, 415);
    }
    const cut = await caller.call(operation.method, target(operation, own.values), {body: '{"a":'});
    check(api, operation, cut, 400);
    assert.equal(cut.body.position, 5);
    const unknown =
        await caller.call(operation.method, target(operation, own.values), {body: '{"nobody":1}'});
    check(api, operation, unknown, 422);
    assert.ok(unknown.body.errors.some(({pointer}) => pointer === '/nobody'), operation.id);
  }
});

// --- Two workspaces
// --------------------------------------------------------------------------------------------

// The same name with other letters at its end: nobody's.
const nameless = (name) => `${name.slice(0, -3)}zzz`;

// What is new in each thing that is made: ids, links, times, and how often anything was changed.
const NEW = [
  [/\b(lnk|ep|msg|key|job)_[0-9A-Za-z]{22}\b/g, '$1'],
  [/\/in\/[0-9A-Za-z]{22}/g, '/in'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time'],
  [/"revision":\d+/g, '"revision"'],
  [/"request_id":"[^"]*"/g, ''],
];

// An answer without what differs in any two, and without the names that were asked for.
function comparable({status, headers, text}, values) {
  const names = Object.entries(values)
                    .filter(([key]) => key !== 'env')
                    .flatMap(([, name]) => [name, encodeURIComponent(name)])
                    .sort((a, b) => b.length - a.length);
  let hidden = names.reduce((at, name) => at.replaceAll(name, '…'), text);
  for (const [pattern, instead] of NEW) hidden = hidden.replace(pattern, instead);
  const kept = {...headers};
  for (const name of ['date', 'x-request-id', 'content-length', 'etag']) delete kept[name];
  return {status, headers: kept, text: hidden};
}

// Everything that the workspace shows, and its counts.
async function shown({own}) {
  const paths = [
    '/v1/keys', '/v1/apps', '/v1/products', '/v1/webhooks', '/v1/links', '/v1/endpoints',
    '/v1/messages', '/v1/deliveries', '/v1/attempts', '/v1/jobs', '/v1/dead-letters',
    '/v1/secrets'
  ];
  const all = {};
  for (const path of paths) all[path] = (await own.expect('GET', path)).data;
  for (const {tag} of all['/v1/apps']) {
    for (const kind of ['webhooks', 'events'])
      all[`${tag} ${kind}`] = (await own.expect('GET', `/v1/apps/${tag}/${kind}`)).data;
  }
  for (const {tag} of all['/v1/products']) {
    for (const kind of ['apps', 'links', 'webhooks'])
      all[`${tag} ${kind}`] = (await own.expect('GET', `/v1/products/${tag}/${kind}`)).data;
  }
  for (const key of all['/v1/keys']) delete key.last_used_at;
  return all;
}

// The values of `other` in one place and of `own` in all others, for each name of the path and each
// parameter and member that can name something; and those of `other` in the whole path.
function foreignRequests(operation, own, other) {
  const requests = [];
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
  for (const {values = {}, query = {}, body} of CASES[operation.id](own)) {
    const path = {...own.values, ...values};
    const foreign = {eventLink: other.values.eventLink, ...other.values};
    const all = (pick) => ({
      ...path,
      ...Object.fromEntries(
          names.filter((name) => name !== 'env').map((name) => [name, pick(foreign[name])]))
    });
    if (names.length > 1)
      requests.push({at: '{all}', of: (pick) => ({path: all(pick), query, body})});
    for (const name of names) {
      if (name === 'env') continue;
      requests.push({
        at: `{${name}}`,
        of: (pick) => ({path: {...path, [name]: pick(foreign[name])}, query, body})
      });
    }
    for (const name of Object.keys(own.values)) {
      const parameter =
          operation.operation.parameters?.find((one) => one.in === 'query' && one.name === name);
      if (parameter === undefined || name === 'env') continue;
      requests.push({
        at: `?${name}`,
        of: (pick) => ({path, query: {...query, [name]: pick(foreign[name])}, body})
      });
    }
    for (const [member, text] of Object.entries(body ?? {})) {
      const name = Object.keys(own.values).find((one) => one !== 'env' && own.values[one] === text);
      if (name === undefined) continue;
      requests.push({
        at: `/${member}`,
        of: (pick) => ({path, query, body: {...body, [member]: pick(foreign[name])}})
      });
    }
  }
  return requests;
}

test(
    'what is in another workspace is answered like what is nowhere, and stays as it is',
    async (t) => {
      const {api, world} = await setUp(t);
      const other = await world('theirs');
      const before = await shown(other);
      let asked = 0;
      for (const [index, operation] of api.operations().entries()) {
        if (['none', 'operator'].includes(operation.scope)) continue;
        const own = await world(`ours${index}`);
        const caller = callerFor(operation, own);
        for (const {at, of} of foreignRequests(operation, own, other)) {
          const ask = async (pick) => {
            const {path, query, body} = of(pick);
            return caller.call(operation.method, target(operation, path, query), {body});
          };
          const foreign = await ask((name) => name);
          const nowhere = await ask(nameless);
          ++asked;
          // The names of the world that is asked in differ, too: an operation may have made them.
          const names = {...other.values};
          const without = Object.fromEntries(
              Object.entries(other.values).map(([key, name]) => [key, nameless(name)]));
          assert.deepEqual(
              comparable(foreign, names), comparable(nowhere, without), `${operation.id} ${at}`);
          assert.deepEqual(api.faults(operation, foreign), []);
          if (at.startsWith('{') &&
              ['link', 'endpoint', 'key', 'message', 'job'].includes(at.slice(1, -1)))
            assert.equal(foreign.status, 404, `${operation.id} ${at}`);
        }
      }
      assert.ok(asked > 60, `${asked} requests`);
      assert.deepEqual(await shown(other), before, 'nothing of theirs has changed');
    });

test('lists show nothing of another workspace', async (t) => {
  const {world} = await setUp(t);
  const own = await world('ours');
  const other = await world('theirs');
  const text = JSON.stringify(await shown(own));
  for (const [name, value] of Object.entries(other.values)) {
    if (name !== 'env') assert.ok(!text.includes(value), `${name} ${value} of theirs is shown`);
  }
  for (const [name, value] of Object.entries(own.values))
    assert.ok(
        text.includes(value) || name === 'workspace', `${name} ${value} of ours is not shown`);
});
