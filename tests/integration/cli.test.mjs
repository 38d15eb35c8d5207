// SPDX-License-Identifier: Apache-2.0
// The command line against a real daemon: every command, each exit code, bodies from standard
// input, tables on a terminal, completion in a real shell.
import assert from 'node:assert/strict';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import {Cli, quoted, runProgram} from './lib/cli.mjs';
import {BINARY} from './lib/daemon.mjs';
import * as scratch from './lib/scratch.mjs';

const SAMPLE = '{"action":"opened","number":12345678901234567890123}';

async function define(cli, url) {
  await cli.json(['webhook', 'create', 'github', '--tag', 'repo', '--name', 'R', '--env', 'prd']);
  await cli.json([
    'event', 'create', 'github', '--tag', 'repo:opened', '--name', 'Opened', '--selector',
    '$Event{action}', '--sample', SAMPLE
  ]);
  return cli.json([
    'endpoint', 'create', 'shop', '--access-tag', 'github', '--webhook', 'repo', '--env', 'prd',
    '--to', url
  ]);
}

test('webhooks and events are made, shown, changed and deleted', async (t) => {
  const cli = await Cli.start(t);
  const made = await cli.json([
    'webhook', 'create', 'github', '--tag', 'repo', '--name', 'Repositories', '--env', 'prd',
    '--env', 'snd=https://provider.example/register', '--body-bytes-max', '1000'
  ]);
  assert.deepEqual(made.envs.map(({slug}) => slug), ['prd', 'snd']);
  assert.equal(made.envs[1].registration_url, 'https://provider.example/register');
  assert.deepEqual(await cli.json(['webhook', 'get', 'github', 'repo']), made);
  const changed =
      await cli.json(['webhook', 'update', 'github', 'repo', '--description', 'All of them']);
  assert.equal(changed.description, 'All of them');
  assert.deepEqual((await cli.json(['webhook', 'list', 'github'])).data, [changed]);
  assert.equal(
      await cli.json(['webhook', 'delete-env', 'github', 'repo', 'snd', '--cascade']), undefined);

  const event = await cli.json([
    'event', 'create', 'github', '--tag', 'repo:opened', '--name', 'Opened', '--selector',
    '$Event{number}', '--selector-value', '7', '--sample', SAMPLE.replace('number', 'id')
  ]);
  assert.equal(event.selector_value, '7');
  const {stdout} = await cli.run(['event', 'get', 'github', 'opened']);
  assert.ok(stdout.includes(SAMPLE.replace('number', 'id')), 'no digit of the sample is lost');
  const unset =
      await cli.json(['event', 'update', 'github', 'repo:opened', '--unset', 'selector_value']);
  assert.equal(unset.selector_value, 'opened');
  assert.equal((await cli.json(['event', 'list', 'github', '--webhook', 'repo'])).data.length, 1);
  assert.equal((await cli.json(['app', 'get', 'github'])).webhooks, 1);
  assert.equal((await cli.json(['app', 'list'])).data.length, 1);
  assert.equal(await cli.json(['event', 'delete', 'github', 'repo:opened']), undefined);
  assert.equal(await cli.json(['webhook', 'delete', 'github', 'repo', '--cascade']), undefined);
  assert.match(await cli.refused(['app', 'delete', 'github'], 5), /404/);
});

test('products, connections, endpoints and links are made, shown, changed and deleted', async (t) => {
  const cli = await Cli.start(t);
  await define(cli, 'http://127.0.0.1:9/a');
  const connection = await cli.json(['connection', 'create', 'shop', 'gh', '--app', 'github']);
  assert.equal(connection.app, 'github');
  assert.deepEqual(await cli.json(['connection', 'get', 'shop', 'gh']), connection);
  assert.equal((await cli.json(['connection', 'update', 'shop', 'gh', '--app', 'github'])).app, 'github');
  assert.equal((await cli.json(['connection', 'list', 'shop'])).data.length, 1);
  assert.equal((await cli.json(['product', 'get', 'shop'])).endpoints, 1);
  assert.equal((await cli.json(['product', 'list'])).data[0].tag, 'shop');

  const [endpoint] = (await cli.json(['endpoint', 'list', '--product', 'shop'])).data;
  assert.deepEqual(await cli.json(['endpoint', 'get', endpoint.id]), endpoint);
  const changed = await cli.json([
    'endpoint', 'update', endpoint.id, '--to', 'http://127.0.0.1:9/b', '--retry', '5s,1m',
    '--events', 'opened', '--auth', '{"headers":{"X-Key":"abc"}}', '--state', 'disabled',
    '--if-revision', String(endpoint.revision)
  ]);
  assert.equal(changed.url, 'http://127.0.0.1:9/b');
  assert.deepEqual(changed.retry, {schedule: ['5s', '1m'], jitter_percent: 20});
  assert.deepEqual(changed.events, ['repo:opened']);
  assert.equal(changed.state, 'disabled');
  assert.ok(!JSON.stringify(changed).includes('abc'), 'a credential is not shown again');

  const link = await cli.json([
    'link', 'create', 'shop', '--access-tag', 'gh', '--env', 'prd', '--event', 'opened'
  ]);
  assert.equal(link.event, 'repo:opened');
  assert.equal((await cli.json(['link', 'list', '--product', 'shop'])).data.length, 2);
  const rotated = await cli.json(['link', 'rotate', link.id, '--grace', '1h']);
  assert.notEqual(rotated.url, link.url);
  assert.equal((await cli.json(['link', 'get', link.id])).url, rotated.url);
  assert.equal(await cli.json(['link', 'delete', link.id]), undefined);
  assert.equal(await cli.json(['endpoint', 'delete', endpoint.id, '--cascade']), undefined);
  assert.equal(await cli.json(['connection', 'delete', 'shop', 'gh', '--cascade']), undefined);
  assert.match(await cli.refused(['product', 'delete', 'shop'], 5), /404/);
});

test('enable and disable register a product, and registrations are listed', async (t) => {
  const cli = await Cli.start(t);
  await cli.json(['webhook', 'create', 'github', '--tag', 'repo', '--name', 'R', '--env', 'prd']);
  const where = ['--access-tag', 'github', '--webhook', 'repo'];
  const enabled = await cli.json(['enable', 'shop', ...where, '--env', 'prd=http://127.0.0.1:9/a']);
  assert.equal(enabled.envs[0].status, 'enabled');
  assert.equal((await cli.json(['registration', 'list'])).data.length, 1);
  const ofShop = await cli.json(['registration', 'list', '--product', 'shop', '--access-tag', 'github']);
  assert.deepEqual(ofShop.data, [enabled]);
  const again = await cli.json(['enable', 'shop', ...where, '--file', '-'], {
    input: '{"envs":[{"slug":"prd","url":"http://127.0.0.1:9/b"}],"wait":"0s"}'
  });
  assert.equal(again.envs[0].url, 'http://127.0.0.1:9/b');
  await cli.json(['disable', 'shop', ...where, '--env', 'prd']);
  assert.deepEqual((await cli.json(['endpoint', 'list'])).data, []);
});

test('keys and workspaces are made and used', async (t) => {
  const cli = await Cli.start(t);
  await cli.json(['workspace', 'create', '--tag', 'acme', '--name', 'Acme']);
  assert.equal((await cli.json(['workspace', 'get', 'acme'])).name, 'Acme');
  assert.equal((await cli.json(['workspace', 'list'])).data.length, 2);
  const key = await cli.json([
    'key', 'create', '--name', 'reader', '--scope', 'read', '--workspace', 'acme'
  ]);
  const file = path.join(await scratch.folder(t), 'key');
  await writeFile(file, `${key.secret}\n`);
  const self = await cli.json(['self', '--key-file', file]);
  assert.equal(self.workspace, 'acme');
  assert.deepEqual(self.scopes, ['read']);
  const byVariable = {HEADRACE_KEY_FILE: '', HEADRACE_KEY: key.secret};
  assert.equal((await cli.json(['self'], {env: byVariable})).key, key.id);
  assert.match(await cli.refused(['key', 'list'], 5, {env: byVariable}), /403/);
  const inAcme = {env: {HEADRACE_WORKSPACE: 'acme'}};
  assert.equal((await cli.json(['key', 'list'], inAcme)).data.length, 1);
  assert.equal((await cli.json(['key', 'get', key.id], inAcme)).secret, undefined);
  assert.equal(await cli.json(['key', 'delete', key.id], inAcme), undefined);
  assert.match(await cli.refused(['self', '--key-file', file], 5), /401/);
  assert.equal(await cli.json(['workspace', 'delete', 'acme', '--cascade']), undefined);
});

test('what happened is listed by filters, as JSON, lines or all pages', async (t) => {
  const cli = await Cli.start(t);
  const sink = await scratch.sink(t);
  const endpoint = await define(cli, sink.url);
  const sent = [];
  for (let i = 0; i < 3; ++i)
    sent.push(await cli.json(['trigger', 'github', 'opened', '--env', 'prd', '--product', 'shop']));
  const direct = await cli.json(
      ['test', endpoint.id, '--payload', '-'], {input: '{"hello": "there"}'});
  await sink.reaches(() => sink.records.length === 4, {what: 'four messages arrive'});
  assert.ok(sink.records.some(({body}) => String(body) === '{"hello": "there"}'));

  const filters = ['--app', 'github', '--event', 'repo:opened', '--status', 'routed'];
  const page = await cli.json(['messages', ...filters, '--limit', '2']);
  assert.equal(page.data.length, 2);
  assert.notEqual(page.next, null);
  const rest = await cli.json(['messages', ...filters, '--cursor', page.next]);
  const ids = [...page.data, ...rest.data].map(({id}) => id);
  assert.deepEqual(ids.toSorted(), sent.map(({message}) => message).toSorted());
  const all = await cli.json(['messages', ...filters, '--limit', '1', '--all']);
  assert.deepEqual(all.map(({id}) => id), ids);
  const lines = (await cli.run(['messages', ...filters, '--limit', '1', '--all', '--output', 'ndjson'])).stdout;
  assert.deepEqual(lines.trimEnd().split('\n').map((line) => JSON.parse(line).id), ids);

  const message = await cli.json(['message', 'get', direct.message]);
  assert.equal(message.body, '{"hello": "there"}');
  const attempts = await cli.json(['attempts', '--message', direct.message, '--all']);
  assert.ok(attempts.length <= 1);  // it may not be on record yet
  const deliveries = await cli.json(
      ['deliveries', '--endpoint', endpoint.id, '--since', '2020-01-01T00:00:00Z', '--error', 'none']);
  assert.ok(deliveries.data.every((delivery) => delivery.endpoint === endpoint.id));
});

test('match says which event it is, whom it reaches, and why not the others', async (t) => {
  const cli = await Cli.start(t);
  await cli.json(['webhook', 'create', 'a', '--tag', 'w', '--name', 'W', '--env', 'prd', '--env', 'snd']);
  await cli.json([
    'event', 'create', 'a', '--tag', 'w:push', '--name', 'Push', '--selector', '$Header{X-Kind}'
  ]);
  for (const [product, env] of [['one', 'prd'], ['two', 'snd']]) {
    await cli.json([
      'endpoint', 'create', product, '--access-tag', 'a', '--webhook', 'w', '--env', env, '--to',
      'http://127.0.0.1:9/'
    ]);
  }
  const args = ['match', 'a', 'w', '--header', 'X-Kind: push', '--env', 'prd'];
  const report = await cli.json(args, {input: '{}'});
  assert.equal(report.event, 'w:push');
  const reached = report.receivers.filter(({reached}) => reached);
  assert.deepEqual(reached.map(({product}) => product), ['one']);
  assert.ok(report.receivers.every(({reached, reason}) => reached || reason.length > 0));
  const file = path.join(await scratch.folder(t), 'payload.json');
  await writeFile(file, '{"x":1}');
  const table = await cli.run(
      ['match', 'a', 'w', file, '--query', 'topic=x', '--query', 'y=1', '--output', 'table']);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /^EVENT +-$/m);
  assert.match(table.stdout, /^RECEIVERS$/m);
  assert.match(await cli.refused(['match', 'a', 'w', '--content-type', 'application/json'], 5, {input: '{oops'}), /^headrace: 4\d\d: /);
});

test('bodies come from a file or standard input, and flags override them', async (t) => {
  const cli = await Cli.start(t);
  const body = JSON.stringify({tag: 'w', name: 'From the file', envs: [{slug: 'prd'}]});
  const made = await cli.json(['webhook', 'create', 'a', '--file', '-', '--name', 'From the flag'], {input: body});
  assert.equal(made.name, 'From the flag');
  const file = path.join(await scratch.folder(t), 'body.json');
  await writeFile(file, body);
  assert.equal((await cli.json(['webhook', 'create', 'b', '--file', file])).name, 'From the file');
  assert.match(await cli.refused(['webhook', 'create', 'c', '--file', '-'], 2, {input: '{"a":'}), /line 1, column 6/);
});

test('a revision that is no more, a cascade that is missing, and a repeat are seen', async (t) => {
  const cli = await Cli.start(t);
  await define(cli, 'http://127.0.0.1:9/');
  assert.match(
      await cli.refused(['webhook', 'update', 'github', 'repo', '--name', 'x', '--if-revision', '999'], 5),
      /^headrace: 412: .*\(precondition_failed\)/);
  const conflict = await cli.refused(['webhook', 'delete', 'github', 'repo'], 5);
  assert.match(conflict, /^headrace: 409: /);
  assert.match(conflict, /\n  event repo:opened/);
  assert.match(conflict, /\n  endpoint ep_/);
  const invalid = await cli.refused(['webhook', 'create', 'github', '--tag', 'x', '--env', 'Not a slug'], 5);
  assert.match(invalid, /\n  \/envs\/0\/slug: /);
  const create = ['event', 'create', 'github', '--tag', 'repo:x', '--name', 'X', '--selector', '$Event{x}'];
  const once = [...create, '--idempotency-key', 'one-x'];
  assert.deepEqual(await cli.json(once), await cli.json(once));
  assert.match(await cli.refused(create, 5), /409/);
});

test('secrets come from the environment, in the default workspace alone', async (t) => {
  const cli = await Cli.start(t, {env: {HEADRACE_SECRET_SHOP: 'open sesame'}});
  const sink = await scratch.sink(t);
  const auth = ['--auth', '{"headers":{"X-Key":"$Secret{SHOP}"}}'];
  const endpoint = await define(cli, sink.url);
  const changed = await cli.json(['endpoint', 'update', endpoint.id, ...auth]);
  assert.equal(changed.auth.headers['X-Key'], '$Secret{SHOP}');
  await cli.json(['test', endpoint.id]);
  await sink.reaches(() => sink.records.length === 1, {what: 'the test arrives'});
  assert.equal(sink.records[0].headers['x-key'], 'open sesame');

  await cli.json(['workspace', 'create', '--tag', 'acme', '--name', 'Acme']);
  cli.env.HEADRACE_WORKSPACE = 'acme';
  const other = await define(cli, sink.url);
  assert.match(await cli.refused(['endpoint', 'update', other.id, ...auth], 5), /no secret SHOP/);
});

test('every way to fail has its exit code', async (t) => {
  const cli = await Cli.start(t);
  assert.equal((await cli.run(['self'])).code, 0);
  for (const args of [
         [], ['oops'], ['webhook'], ['webhook', 'get', 'a'], ['messages', '--oops'],
         ['messages', '--output', 'yaml'], ['messages', '--limit', 'many'],
         ['event', 'create', 'a', '--sample', '{'], ['key', 'create', '--file', '/does/not/exist'],
       ])
    await cli.refused(args, 2);
  for (const env of [{HEADRACE_KEY_FILE: ''}, {HEADRACE_KEY_FILE: '/does/not/exist'},
                     {HEADRACE_URL: 'nowhere'}])
    await cli.refused(['self'], 3, {env});
  await cli.refused(['check', '--listen', 'nowhere'], 3);
  await cli.refused(['serve', '--listen', 'nowhere'], 3);
  assert.match(await cli.refused(['app', 'get', 'none'], 5), /^headrace: 404: .*\(not_found\)\n/);
  const sink = await scratch.sink(t, {answer: () => 503});
  assert.match(await cli.refused(['self'], 1, {env: {HEADRACE_URL: sink.url}}), /503/);
  const other = await scratch.sink(t, {answer: () => 200});
  assert.match(await cli.refused(['self'], 1, {env: {HEADRACE_URL: other.url}}), /not understood/);
  const key = (await readFile(cli.env.HEADRACE_KEY_FILE, 'utf8')).trim();
  assert.equal(other.records[0].headers.authorization, `Bearer ${key}`);
  assert.equal(await cli.daemon.stop(), 0);
  const gone = await cli.refused(['self'], 4);
  assert.match(gone, /cannot be reached/);
  assert.ok(!gone.includes(key));
});

test('a terminal gets a table, with colour unless NO_COLOR is set', async (t) => {
  const cli = await Cli.start(t);
  await define(cli, 'http://127.0.0.1:9/');
  const shown = await cli.onTerminal(['event', 'list', 'github']);
  assert.equal(shown.code, 0, shown.stdout);
  assert.match(shown.stdout, /^\x1b\[1mTAG {10}NAME {4}SELECTOR {8}SELECTOR VALUE {2}REVISION\x1b\[0m\n/);
  assert.match(shown.stdout, /\nrepo:opened {2}Opened {2}\$Event\{action\} {2}opened {10}\d+\n$/);
  const plain = await cli.onTerminal(['event', 'list', 'github'], {env: {NO_COLOR: '1'}});
  assert.equal(plain.stdout, shown.stdout.replaceAll(/\x1b\[\d+m/g, ''));
  const piped = await cli.run(['event', 'list', 'github', '--output', 'table']);
  assert.equal(piped.stdout, plain.stdout);
  const json = await cli.onTerminal(['event', 'list', 'github', '--output', 'json']);
  assert.equal(JSON.parse(json.stdout).data.length, 1);
  const refused = await cli.onTerminal(['event', 'get', 'github', 'none']);
  assert.equal(refused.code, 5);
});

test('what strangers sent does not reach the terminal as it is', async (t) => {
  const cli = await Cli.start(t);
  await define(cli, 'http://127.0.0.1:9/');
  const {message} = await cli.json(
      ['trigger', 'github', 'opened', '--payload', '-', '--content-type', 'text/plain'],
      {input: '\x1b[2Jcleared'});
  const shown =
      await cli.onTerminal(['message', 'get', message, '--output', 'table'], {env: {NO_COLOR: '1'}});
  assert.ok(!shown.stdout.includes('\x1b'));
  assert.match(shown.stdout, /^BODY +\\x1b\[2Jcleared$/m);
});

test('a table of a page says how to go on, on standard error', async (t) => {
  const cli = await Cli.start(t);
  for (const tag of ['one', 'two'])
    await cli.json(['webhook', 'create', 'a', '--tag', tag, '--name', tag, '--env', 'prd']);
  const page = await cli.run(['webhook', 'list', 'a', '--limit', '1', '--output', 'table']);
  assert.equal(page.stdout.trimEnd().split('\n').length, 2);
  assert.match(page.stderr, /--all/);
  const all = await cli.run(['webhook', 'list', 'a', '--limit', '1', '--all', '--output', 'table']);
  assert.equal(all.stdout.trimEnd().split('\n').length, 3);
  assert.equal(all.stderr, '');
});

test('help says what exit codes mean, and a full disk is a failure', async (t) => {
  const cli = await Cli.start(t);
  const help = await cli.run(['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /5 the daemon refused/);
  for (const word of ['serve', 'webhook', 'apply', 'completion', 'openapi'])
    assert.match(help.stdout, new RegExp(`^  ${word} `, 'm'));
  assert.match((await cli.run(['webhook', 'create', '--help'])).stdout, /--dedupe SELECTOR/);
  for (const command of ['self', 'version', 'completion zsh']) {
    const full = await runProgram(
        'sh', ['-c', `${quoted(BINARY)} ${command} >/dev/full`], {env: cli.env});
    assert.equal(full.code, 1, command);
    assert.match(full.stderr, /cannot be written/);
  }
});

test('the description of the API comes without a daemon', async () => {
  const cli = new Cli({});
  assert.equal((await cli.json(['openapi'])).openapi.startsWith('3.1'), true);
  assert.match((await cli.run(['openapi', '--markdown'])).stdout, /^#/m);
});

// What a real bash offers behind `words`.
async function bashOffers(words) {
  const script = `source <(${quoted(BINARY)} completion bash)
COMP_WORDS=(${words.map(quoted).join(' ')}); COMP_CWORD=${words.length - 1}
_headrace && printf '%s\\n' "\${COMPREPLY[@]}"`;
  const {code, stdout, stderr} = await runProgram('bash', ['--norc', '-c', script]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash completes commands, flags, choices and files', async (t) => {
  assert.deepEqual(await bashOffers(['headrace', 'webh']), ['webhook']);
  assert.ok((await bashOffers(['headrace', ''])).includes('serve'));
  assert.deepEqual(await bashOffers(['headrace', 'webhook', 'de']), ['delete', 'delete-env']);
  assert.deepEqual(await bashOffers(['headrace', 'event', 'create', 'a', '--selector-']), ['--selector-value']);
  assert.deepEqual(await bashOffers(['headrace', 'messages', '--output', '']), ['table', 'json', 'ndjson']);
  assert.deepEqual(await bashOffers(['headrace', 'messages', '--output', '=', 'nd']), ['ndjson']);
  assert.deepEqual(await bashOffers(['headrace', 'completion', '']).then((all) => all.filter((w) => !w.startsWith('-'))), ['bash', 'zsh']);
  const folder = await scratch.folder(t);
  await writeFile(path.join(folder, 'definitions.toml'), '');
  for (const flag of ['-f', '--file'])
    assert.deepEqual(await bashOffers(['headrace', 'apply', flag, `${folder}/def`]), [`${folder}/definitions.toml`]);
});

test('the zsh script is of the same commands', async (t) => {
  const {code, stdout} = await new Cli({}).run(['completion', 'zsh']);
  assert.equal(code, 0);
  assert.match(stdout, /^#compdef headrace\n/);
  assert.match(stdout, /'delete-env:/);
  const file = path.join(await scratch.folder(t), '_headrace');
  await writeFile(file, stdout);
  const checked = await runProgram('zsh', ['-f', '-n', file]);
  assert.equal(checked.code, 0, checked.stderr);
});
