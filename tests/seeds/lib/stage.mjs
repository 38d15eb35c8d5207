// SPDX-License-Identifier: Apache-2.0
// What an example's test plays on: a daemon, a key of one workspace that may do what the examples
// do, and a server on loopback for each of the documents' hosts.
import assert from 'node:assert/strict';

import Headrace from '../../../tools/js/index.js';
import {Api} from '../../integration/lib/http.mjs';
import * as scratch from '../../integration/lib/scratch.mjs';
import {sha256} from '../../integration/lib/sink.mjs';
import {until} from '../../integration/lib/wait.mjs';

import {runExample} from './run_example.mjs';

export class Stage {
  // `hosts`: names in the documents. `workspace`: made unless it is the default one.
  static async set(t, {hosts = [], workspace = 'default', app} = {}) {
    const stage = new Stage();
    stage.t = t;
    stage.app = app;
    stage.daemon = await scratch.daemon(t);
    stage.url = `http://${stage.daemon.apiAddress}`;
    stage.key = await keyIn(stage.daemon, stage.url, workspace);
    stage.api = new Api(stage.url, stage.key);
    scratch.atEnd(t, () => stage.api.close());
    stage.sender = scratch.client(t);
    stage.servers = {};
    for (const host of hosts) stage.servers[host] = await scratch.sink(t, {path: ''});
    return stage;
  }

  run(example, values) {
    const hosts =
        Object.fromEntries(Object.entries(this.servers).map(([host, {url}]) => [host, url]));
    return runExample(
        this.t, example, {url: this.url, key: this.key, app: this.app, hosts}, values);
  }

  // Posts as a provider does; answers the message's id.
  async post(link, body) {
    const answer = await this.sender.send('POST', link, body, {'content-type': 'application/json'});
    assert.equal(answer.status, 200, answer.body.toString());
    return JSON.parse(answer.body).id;
  }

  // Posts, and waits until the server of `host` got it: the record of the exact bytes, at `path`.
  async delivers(link, body, host, path) {
    const id = await this.post(link, body);
    const server = this.servers[host];
    const find = () => server.records.find(({message}) => message === id);
    await server.reaches(find, {what: `${host} does not get ${id}`});
    const record = find();
    assert.equal(record.sha256, sha256(body), 'the exact bytes');
    assert.equal(record.url, path);
    return record;
  }

  // The message as it is recorded; that follows its answer.
  message(id) {
    return until(() => this.api.get(`/v1/messages/${id}`), {what: `there is no ${id}`});
  }
}

// A key that is no administrator's.
async function keyIn(daemon, url, workspace) {
  if (workspace !== 'default')
    await daemon.api.post('/v1/workspaces', {tag: workspace, name: workspace});
  const operator =
      new Headrace({private_key: daemon.api.key, workspace_id: workspace, baseUrl: url});
  const {secret} =
      await operator.keys.create({name: 'examples', scopes: ['read', 'write', 'replay']});
  return secret;
}
