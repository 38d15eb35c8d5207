// SPDX-License-Identifier: Apache-2.0
// docs/api.md is true: each of its three ways runs from top to bottom as it is printed. Only the
// hosts are others: a server on loopback stands for the provider and the receivers.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {BINARY, cleanEnvironment} from './lib/daemon.mjs';
import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SECRETS = {
  HEADRACE_SECRET_PROVIDER_TOKEN: 'for-the-provider',
  HEADRACE_SECRET_RECEIVER_TOKEN: 'for-the-receiver',
};

async function setUp(t) {
  const world = await scratch.sink(t, {path: ''});
  const daemon = await scratch.daemon(t, {env: SECRETS});
  return {world, daemon, key: daemon.api.key, url: `http://${daemon.apiAddress}`};
}

// The blocks of docs/api.md that belong to one way, joined.
async function blocks(way, {world}) {
  const text = await readFile(path.join(ROOT, 'docs/api.md'), 'utf8');
  const found = [...text.matchAll(/<!-- run: (\w+) -->\n```\w+\n(.*?)```/gs)];
  const code = found.filter(([, name]) => name === way).map(([, , block]) => block).join('\n');
  return code.replaceAll(/https:\/\/[a-z.]+\.example/g, world.url);
}

async function run(command, args, {env, cwd}) {
  const child =
      spawn(command, args, {cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe']});
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, text);
}

async function expectWhatAllWaysMake({daemon, world}) {
  const {api} = daemon;
  const webhook = await api.get('/v1/apps/orders-app/webhooks/orders');
  assert.deepEqual(webhook.envs.map((env) => env.slug).sort(), ['dev', 'prd', 'snd']);

  const registered = async () => {
    const {data} = await api.get('/v1/webhooks?access_tag=admin');
    return data[0].envs.map((env) => `${env.slug} ${env.status}`).join();
  };
  await until(
      async () => await registered() === 'dev enabled,prd registered,snd enabled',
      {what: 'the registrations are as asked'});
  const call = world.records.find((record) => record.url === '/register');
  assert.equal(call.headers.authorization, 'Bearer for-the-provider');
  assert.match(JSON.parse(call.body).url, /\/in\/\w{22}$/);

  const links = await api.get('/v1/products/shop/links?app=admin');
  assert.deepEqual(
      links.data.map((link) => `${link.kind} ${link.env}`),
      ['product dev', 'product prd', 'event prd', 'product snd']);

  await world.reaches(
      () => world.records.some((record) => record.headers['headrace-test'] === 'true'),
      {what: 'the test message arrives'});
  const {data: messages} = await api.get('/v1/messages?product=shop');
  assert.deepEqual(
      messages.map((message) => [message.event, message.test]), [['orders:paid', true]]);
}

test('the curl column of docs/api.md does what it says', async (t) => {
  const stage = await setUp(t);
  await run('bash', ['-euo', 'pipefail', '-c', await blocks('curl', stage)],
            {env: {API: stage.url, KEY: stage.key}});
  await expectWhatAllWaysMake(stage);
});

test('the command line of docs/api.md does what it says', async (t) => {
  const stage = await setUp(t);
  await run('bash', ['-euo', 'pipefail', '-c', await blocks('cli', stage)], {
    env: {
      HEADRACE_URL: stage.url,
      HEADRACE_KEY_FILE: path.join(stage.daemon.data, 'admin.key'),
      PATH: `${path.dirname(BINARY)}:${process.env.PATH}`,
    },
  });
  await expectWhatAllWaysMake(stage);
});

test('the JavaScript of docs/api.md does what it says', async (t) => {
  const stage = await setUp(t);
  const cwd = await scratch.folder(t);
  await mkdir(path.join(cwd, 'node_modules'));
  await symlink(path.join(ROOT, 'tools/js'), path.join(cwd, 'node_modules/headrace'));
  await writeFile(path.join(cwd, 'main.mjs'), await blocks('js', stage));
  await run(process.execPath, ['main.mjs'],
            {cwd, env: {HEADRACE_URL: stage.url, HEADRACE_KEY: stage.key}});
  await expectWhatAllWaysMake(stage);
});
