// SPDX-License-Identifier: Apache-2.0
// Settings: file, environment variable and flag, in rising order; mistakes have a place; the key is
// private.
import assert from 'node:assert/strict';
import {readFile, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import {Daemon, run} from './lib/daemon.mjs';
import {Api} from './lib/http.mjs';
import * as scratch from './lib/scratch.mjs';

async function configuration(t, text) {
  const file = path.join(await scratch.folder(t), 'headrace.toml');
  await writeFile(file, text);
  return file;
}

test('headrace check accepts a good file', async (t) => {
  const file = await configuration(t, 'data = "somewhere"\nlisten = "127.0.0.1:0"\n');
  const {code, stderr} = await run(['check', '--config', file]);
  assert.equal(code, 0, stderr);
});

test('where deliveries may go is a list of rules and a truth value', async (t) => {
  const file = await configuration(
      t,
      'endpoint_allow = "10.0.0.0/8:443, *.corp.example, [fd00::/8]:80"\n' +
          'plain_http_endpoints = true\n');
  const {code, stderr} = await run(['check', '--config', file]);
  assert.equal(code, 0, stderr);
});

test('an unknown key is an error with its line and column, for check and for serve', async (t) => {
  const file =
      await configuration(t, '# a comment\ndata = "somewhere"\n  lissten = "127.0.0.1:0"\n');
  for (const command of ['check', 'serve']) {
    const {code, stdout, stderr} = await run([command, '--config', file]);
    assert.notEqual(code, 0, command);
    assert.match(stdout + stderr, /lissten/);
    assert.match(stdout + stderr, /\b3:3\b|line 3, column 3/);
  }
});

test('a value of the wrong type, or that is no address, is an error with its line', async (t) => {
  const lines = ['data = true', 'retention = "soon"', 'listen = "nowhere"',
    'disk_reserve = "much"', 'disk_budget = "20000000000TiB"',
    'endpoint_allow = "10.1.2.3/8"', 'endpoint_allow = "a.example, "',
    'plain_http_endpoints = "yes"', 'plain_http_endpoints = 1'];
  for (const line of lines) {
    const {code, stdout, stderr} =
        await run(['check', '--config', await configuration(t, `\n${line}\n`)]);
    assert.notEqual(code, 0, line);
    assert.match(stdout + stderr, /:2\b|line 2/, line);
  }
});

test('text that is not TOML, or a file that is not there, is an error', async (t) => {
  assert.notEqual((await run(['check', '--config', await configuration(t, 'data = \n')])).code, 0);
  const missing = path.join(await scratch.folder(t), 'missing.toml');
  assert.notEqual((await run(['check', '--config', missing])).code, 0);
});

test('the environment overrides the file, and a flag overrides both', async (t) => {
  const [inFile, inEnvironment, inFlag] =
      [await scratch.folder(t), await scratch.folder(t), await scratch.folder(t)];
  const file = await configuration(t, [
    `data = "${inFile}"`,
    'listen = "127.0.0.1:0"',
    'api_listen = "127.0.0.1:0"',
    'public_url = "http://file.test"',
  ].join('\n'));
  const serve = async (data, args, env) => {
    const daemon =
        await Daemon.start({data, bare: true, args: ['serve', '--config', file, ...args], env});
    try {
      return await linkOf(daemon);
    } finally {
      assert.equal(await daemon.stop(), 0);
    }
  };
  assert.match(await serve(inFile, [], {}), /^http:\/\/file\.test\/in\//);
  const env = {HEADRACE_DATA: inEnvironment, HEADRACE_PUBLIC_URL: 'http://env.test'};
  assert.match(await serve(inEnvironment, [], env), /^http:\/\/env\.test\/in\//);
  const flags = ['--data', inFlag, '--public-url', 'http://flag.test'];
  assert.match(await serve(inFlag, flags, env), /^http:\/\/flag\.test\/in\//);
});

async function linkOf(daemon) {
  const {envs} = await daemon.api.post(
      '/v1/apps/a/webhooks', {name: 'w', tag: 'w', description: 'd', envs: [{slug: 'prd'}]});
  return envs[0].link;
}

test('headrace version prints one line', async () => {
  const {code, stdout} = await run(['version']);
  assert.equal(code, 0);
  assert.match(stdout, /^headrace \d+\.\d+\.\d+\b[^\n]*\n$/);
});

test('the admin key is private to its owner, survives a restart, and is asked for', async (t) => {
  const data = await scratch.folder(t);
  const daemon = await scratch.daemon(t, {data});
  const file = path.join(data, 'admin.key');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const key = await readFile(file, 'utf8');
  for (const wrong of [null, 'wrong', `${key.trim()}x`, '']) {
    const api = new Api(`http://${daemon.apiAddress}`, wrong);
    const answer = await api.call('GET', '/v1/endpoints');
    api.close();
    assert.equal(answer.status, 401);
    assert.match(answer.headers['content-type'], /^application\/problem\+json/);
    assert.equal(answer.body.status, 401);
    assert.ok(!JSON.stringify(answer.body).includes(key.trim()));
  }
  assert.deepEqual((await daemon.api.get('/v1/endpoints')).data, []);
  assert.equal(await daemon.stop(), 0);
  const again = await scratch.daemon(t, {data});
  assert.equal(await readFile(file, 'utf8'), key);
  assert.equal(await again.stop(), 0);
});

test('a daemon whose management API is off takes messages and has no key', async (t) => {
  const data = await scratch.folder(t);
  const daemon = new Daemon(
      data, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--api-listen', 'off'], {});
  scratch.atEnd(t, () => daemon.kill());
  await daemon.serving;
  assert.equal(daemon.apiAddress, 'off');
  assert.match(daemon.ingestAddress, /^127\.0\.0\.1:\d+$/);
  await assert.rejects(stat(path.join(data, 'admin.key')), {code: 'ENOENT'});
  assert.equal(await daemon.stop(), 0);
});

test('who changed what survives a restart, and is asked for by the command line', async (t) => {
  const data = await scratch.folder(t);
  const daemon = await scratch.daemon(t, {data});
  const webhook = {tag: 'repo', name: 'Repo', envs: [{slug: 'prd'}]};
  assert.equal((await daemon.api.call('POST', '/v1/apps/forge/webhooks', webhook)).status, 201);
  assert.equal(await daemon.stop(), 0);
  const again = await scratch.daemon(t, {data});
  const {code, stdout, stderr} = await run([
    'audit', '--kind', 'webhook', '--name', 'forge', '--output', 'json', '--url',
    `http://${again.apiAddress}`, '--key-file', path.join(data, 'admin.key'),
  ]);
  assert.equal(code, 0, stderr);
  const [entry, ...others] = JSON.parse(stdout).data;
  assert.deepEqual(others, []);
  assert.equal(entry.actor, 'operator');
  assert.equal(entry.address, '127.0.0.1');
  assert.equal(entry.action, 'create');
  assert.equal(entry.name, 'forge/repo');
  assert.equal(await again.stop(), 0);
});
