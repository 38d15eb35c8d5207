// SPDX-License-Identifier: Apache-2.0
// A workspace with one of everything, and ways to ask for it with keys of every scope.
import assert from 'node:assert/strict';

import {Client} from './http.mjs';
import {until} from './wait.mjs';

export const SCOPES = ['read', 'write', 'replay', 'admin'];

// One caller: {status, headers, text, body}; `body` is parsed where it is JSON.
export class Caller {
  constructor(baseUrl, key, workspace = null) {
    this.baseUrl = baseUrl;
    this.headers = {};
    if (key !== null) this.headers.authorization = `Bearer ${key}`;
    if (workspace !== null) this.headers['headrace-workspace'] = workspace;
    this.client = new Client();
  }

  async call(method, path, {body, headers = {}} = {}) {
    const all = {...this.headers, ...headers};
    if (body !== undefined && all['content-type'] === undefined)
      all['content-type'] = 'application/json';
    const bytes = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await this.client.send(method, this.baseUrl + path, bytes ?? null, all);
    const text = answer.body.toString();
    const isJson = /[/+]json\b/.test(answer.headers['content-type'] ?? '');
    return {...answer, text, body: isJson && text !== '' ? JSON.parse(text) : null};
  }

  async expect(method, path, body) {
    const answer = await this.call(method, path, {body});
    assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status}: ${answer.text}`);
    return answer.body;
  }

  close() {
    this.client.close();
  }
}

// Names that nobody else has begin with `name`: workspace, app, product, webhook, access tag.
// `sink`: where its endpoint is.
export async function makeWorld(daemon, name, sink) {
  const baseUrl = daemon.api.baseUrl;
  const callers = [];
  const caller = (key, workspace) => {
    callers.push(new Caller(baseUrl, key, workspace));
    return callers.at(-1);
  };
  const root = caller(daemon.api.key, null);
  await root.expect('POST', '/v1/workspaces', {tag: name, name: `Workspace ${name}`});
  const own = caller(daemon.api.key, name);
  const keys = {};
  for (const scope of SCOPES) {
    const made = await own.expect('POST', '/v1/keys', {name: scope, scopes: [scope]});
    keys[scope] = {id: made.id, caller: caller(made.secret, null)};
  }
  const values = {
    workspace: name,
    app: `${name}-app`,
    webhook: `${name}-hook`,
    env: 'prd',
    event: `${name}-hook:${name}-push`,
    product: `${name}-shop`,
    access_tag: `${name}-access`,
    key: keys.read.id,
    secret: `OWN_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}`,
  };
  await define(own, values, sink);
  await send(own, values, sink);
  values.job = await pausedJob(own);
  return {
    name,
    values,
    keys,
    root,
    own,
    close: () => callers.forEach((one) => one.close()),
  };
}

async function define(own, values, sink) {
  const {app, webhook, product, access_tag: accessTag} = values;
  await own.expect('PUT', `/v1/secrets/${values.secret}`, {value: 'a value'});
  await own.expect('POST', `/v1/apps/${app}/webhooks`, {
    tag: webhook,
    name: 'A webhook',
    envs: [
      {slug: 'prd'},
      {slug: 'snd'},
      {
        slug: 'api',
        registration_url: `${sink.url}/register`,
        sample: {headers: {token: 'x'}, body: {callback: 'x'}},
      },
    ],
  });
  await own.expect('POST', `/v1/apps/${app}/events`, {
    tag: values.event,
    name: 'An event',
    selector: '$Event{action}',
    selector_value: 'push',
    sample: {action: 'push', id: 1},
  });
  await own.expect('PUT', `/v1/products/${product}/apps/${accessTag}`, {app});
  const registered = await own.expect('POST', `/v1/products/${product}/webhooks/enable`, {
    access_tag: accessTag,
    webhook_tag: webhook,
    envs: [
      {
        slug: 'prd',
        url: sink.url,
        auth: {headers: {authorization: 'Bearer mine'}},
        filter: {not: {'$Header{x-skip}': {exists: true}}},
        retry: {schedule: ['5s', '2m']},
      },
      {slug: 'api', url: sink.url, auth: {headers: {token: 't'}, body: {callback: '$Link'}}},
    ],
  });
  values.endpoint = registered.envs[0].endpoint;
  values.link = registered.envs[0].link_id;
  const event = await own.expect('POST', `/v1/products/${product}/links`, {
    access_tag: accessTag,
    event: values.event,
    env: 'prd',
  });
  values.eventLink = event.id;
}

// Two messages that are delivered, and one that nobody wants.
async function send(own, values) {
  const links = (await own.expect('GET', '/v1/links')).data;
  const {url} = links.find(({id}) => id === values.link);
  const ids = [];
  for (const body of ['{"action":"push"}', '{"action":"other"}', '{"action":"push"}']) {
    const answer = await own.client.send('POST', url, body, {'content-type': 'application/json'});
    assert.equal(answer.status, 200);
    ids.push(JSON.parse(answer.body).id);
  }
  values.message = ids[0];
  await until(async () => {
    const {data} = await own.expect('GET', '/v1/deliveries?status=delivered');
    const messages = (await own.expect('GET', '/v1/messages')).data;
    return data.length === 2 && messages.length === 3;
  }, {what: 'the message is not delivered'});
}

// A replay that rests: it takes a second at least, and is paused before it is over. What it opened
// again by then has been delivered again.
async function pausedJob(own) {
  for (;;) {
    const {id} = await own.expect('POST', '/v1/replays', {state: 'delivered', rate: 1});
    const {status} = await own.call('POST', `/v1/jobs/${id}/pause`);
    assert.ok([200, 409].includes(status), `pausing it says ${status}`);
    if (status === 409) continue;  // it was over already
    await until(async () => {
      const {data} = await own.expect('GET', '/v1/deliveries');
      return data.every((delivery) => delivery.status === 'delivered');
    }, {what: 'what was replayed is not delivered'});
    return id;
  }
}
