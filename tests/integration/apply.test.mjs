// SPDX-License-Identifier: Apache-2.0
// headrace apply: a file of definitions is made true, once, and nothing else is touched.
import assert from 'node:assert/strict';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import {Cli} from './lib/cli.mjs';
import * as scratch from './lib/scratch.mjs';

const TOML = `
[[webhooks]]
app = "github"
tag = "repo"
name = "Repositories"
envs = [{slug = "prd"}, {slug = "snd"}]

[[events]]
app = "github"
tag = "repo:opened"
name = "Opened"
selector = "$Event{action}"
sample = {action = "opened"}

[[events]]
app = "github"
tag = "repo:closed"
name = "Closed"
selector = "$Event{action}"
selector_value = "closed"

[[connections]]
product = "shop"
access_tag = "gh"
app = "github"

[[endpoints]]
product = "shop"
access_tag = "gh"
webhook = "repo"
env = "prd"
url = "http://127.0.0.1:9/shop"
method = "PUT"
events = ["opened"]
in_flight_max = 2
retry = {schedule = ["60s", "2m"]}
auth = {headers = {X-Plain = "visible once", X-Secret = "$Secret{SHOP}"}}
filter = {"$Event{number}" = {gt = 1}}

[[registrations]]
product = "bank"
access_tag = "github"
webhook = "repo"
envs = [{slug = "snd", url = "http://127.0.0.1:9/bank", auth = {query = {k = "v"}}}]
`;

async function setUp(t) {
  const cli = await Cli.start(t, {env: {HEADRACE_SECRET_SHOP: 'one', HEADRACE_SECRET_OTHER: 'two'}});
  const file = path.join(await scratch.folder(t), 'definitions.toml');
  const apply = async (text, ...args) => {
    await writeFile(file, text);
    return cli.run(['apply', '-f', file, ...args]);
  };
  return {cli, file, apply};
}

// Everything that is defined.
async function definitions(cli) {
  const all = {};
  for (const [name, args] of Object.entries({
         webhooks: ['webhook', 'list', 'github'],
         events: ['event', 'list', 'github'],
         endpoints: ['endpoint', 'list'],
         connections: ['connection', 'list', 'shop'],
       })) {
    const {code, stdout} = await cli.run([...args, '--all']);
    all[name] = code === 0 ? JSON.parse(stdout) : [];
  }
  return all;
}

test('what the file says is made, and a second time there is nothing to do', async (t) => {
  const {cli, apply} = await setUp(t);
  const first = await apply(TOML);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(first.stdout.trimEnd().split('\n'), [
    '+ webhook github/repo',
    '+ event github/repo:opened',
    '+ event github/repo:closed',
    '+ connection shop/gh',
    '+ endpoint shop/gh/repo/prd',
    '+ endpoint bank/github/repo/snd',
    '6 to create, 0 to change, 0 to delete',
    'done',
  ]);
  const made = await definitions(cli);
  assert.deepEqual(made.events.map(({tag}) => tag), ['repo:closed', 'repo:opened']);
  const shop = made.endpoints.find(({product}) => product === 'shop');
  assert.deepEqual(shop.retry, {schedule: ['1m', '2m'], jitter_percent: 20});
  assert.equal(shop.method, 'PUT');
  for (const args of [[], ['--prune'], ['--dry-run', '--exit-code', '--prune']]) {
    const again = await apply(TOML, ...args);
    assert.equal(again.stdout, 'nothing to do\n', args.join(' '));
    assert.equal(again.code, 0, again.stderr);
  }
  assert.deepEqual(await definitions(cli), made);
});

test('a dry run shows the difference and changes nothing', async (t) => {
  const {cli, apply} = await setUp(t);
  const before = await definitions(cli);
  const dry = await apply(TOML, '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^\+ webhook github\/repo$/m);
  assert.match(dry.stdout, /^6 to create, 0 to change, 0 to delete\n$/m);
  assert.equal((await apply(TOML, '--dry-run', '--exit-code')).code, 6);
  assert.deepEqual(await definitions(cli), before);
});

test('only members that differ are changed, and others are kept', async (t) => {
  const {cli, apply} = await setUp(t);
  assert.equal((await apply(TOML)).code, 0);
  await cli.json(['webhook', 'update', 'github', 'repo', '--description', 'by hand']);
  const text = TOML.replace('"Repositories"', '"All repositories"')
                   .replace('9/shop', '9/shop2')
                   .replace('9/bank', '9/bank2')
                   .replace('selector_value = "closed"', 'selector_value = "done"');
  const changed = await apply(text);
  assert.equal(changed.code, 0, changed.stderr);
  assert.deepEqual(changed.stdout.trimEnd().split('\n'), [
    '~ webhook github/repo',
    '    name: "Repositories" -> "All repositories"',
    '~ event github/repo:closed',
    '    selector_value: "closed" -> "done"',
    '~ endpoint shop/gh/repo/prd',
    '    url: "http://127.0.0.1:9/shop" -> "http://127.0.0.1:9/shop2"',
    '~ endpoint bank/github/repo/snd',
    '    url: "http://127.0.0.1:9/bank" -> "http://127.0.0.1:9/bank2"',
    '0 to create, 4 to change, 0 to delete',
    'done',
  ]);
  const [webhook] = (await definitions(cli)).webhooks;
  assert.equal(webhook.description, 'by hand');
  assert.equal(webhook.envs.length, 2);
  assert.equal((await apply(text)).stdout, 'nothing to do\n');
});

test('a registration calls the provider once, and again only when it changes', async (t) => {
  const {apply} = await setUp(t);
  const provider = await scratch.sink(t, {path: '/register'});
  const text = `
[[webhooks]]
app = "github"
tag = "repo"
name = "R"
envs = [{slug = "prd", registration_url = "${provider.url}"}]
[[registrations]]
product = "shop"
access_tag = "github"
webhook = "repo"
[[registrations.envs]]
slug = "prd"
url = "http://127.0.0.1:9/shop"
auth = {headers = {X-Provider = "a key"}}
delivery_auth = {headers = {X-Receiver = "$Secret{SHOP}"}}
`;
  const first = await apply(text);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(provider.records.length, 1);
  assert.equal(provider.records[0].headers['x-provider'], 'a key');
  assert.equal((await apply(text, '--prune')).stdout, 'nothing to do\n');
  const other = text.replace('$Secret{SHOP}', '$Secret{OTHER}');
  const changed = await apply(other);
  assert.equal(changed.code, 0, changed.stderr);
  assert.match(changed.stdout, /^    delivery_auth: \(not shown\) -> \(not shown\)$/m);
  assert.ok(!(changed.stdout + changed.stderr).includes('OTHER'));
  assert.equal((await apply(other)).stdout, 'nothing to do\n');
  assert.equal(provider.records.length, 1, 'the provider knows it already');
});

test('pruning deletes what the file does not have, of its apps and products alone', async (t) => {
  const {cli, apply} = await setUp(t);
  assert.equal((await apply(TOML)).code, 0);
  await cli.json(['webhook', 'create', 'other', '--tag', 'w', '--name', 'W', '--env', 'prd']);
  await cli.json([
    'endpoint', 'create', 'elsewhere', '--access-tag', 'other', '--webhook', 'w', '--env', 'prd',
    '--to', 'http://127.0.0.1:9/'
  ]);
  const less = `
products = ["shop", "bank"]
[[webhooks]]
app = "github"
tag = "repo"
name = "Repositories"
envs = [{slug = "prd"}]
[[events]]
app = "github"
tag = "repo:finished"
name = "Finished"
selector = "$Event{action}"
selector_value = "closed"
`;
  const without = await apply(less, '--dry-run');
  assert.match(without.stdout, /^1 to create, 0 to change, 0 to delete$/m);
  const pruned = await apply(less, '--prune');
  assert.equal(pruned.code, 0, pruned.stderr + pruned.stdout);
  assert.match(pruned.stdout, /^1 to create, 0 to change, 6 to delete$/m);
  const left = await definitions(cli);
  assert.deepEqual(left.events.map(({tag}) => tag), ['repo:finished']);
  assert.deepEqual(left.webhooks[0].envs.map(({slug}) => slug), ['prd']);
  assert.deepEqual(left.endpoints.map(({product}) => product), ['elsewhere']);
  assert.deepEqual(left.connections, []);
  assert.equal((await apply(less, '--prune')).stdout, 'nothing to do\n');

  const nothing = 'apps = ["github"]\n';
  assert.match((await apply(nothing, '--prune')).stdout, /^- webhook github\/repo$/m);
  assert.deepEqual((await definitions(cli)).webhooks, []);
  assert.equal((await cli.json(['app', 'list'])).data.length, 1);
});

test('faults of the file are named with their places before anything is done', async (t) => {
  const {cli, file, apply} = await setUp(t);
  const before = await definitions(cli);
  const unknown = await apply('[[webhooks]]\napp = "github"\ntag = "repo"\n  nmae = "R"\n');
  assert.equal(unknown.code, 3);
  assert.ok(unknown.stderr.includes(`${file}:4:10: there is no member 'nmae' here`), unknown.stderr);
  const syntax = await apply('[[webhooks]\n');
  assert.equal(syntax.code, 3);
  assert.ok(syntax.stderr.includes(`${file}:1:`), syntax.stderr);
  assert.equal((await cli.run(['apply', '-f', '/does/not/exist.toml'])).code, 3);
  assert.equal((await cli.run(['apply'])).code, 2);
  assert.deepEqual(await definitions(cli), before);
});

test('what the daemon refuses is named with its place, and ends it', async (t) => {
  const {cli, file, apply} = await setUp(t);
  const refused = await apply(`[[webhooks]]
app = "github"
tag = "repo"
name = "R"
envs = [{slug = "prd"}]
[[webhooks]]
app = "github"
tag = "bad"
name = "R"
envs = [
  {slug = "prd"},
  {slug = "Not a slug"},
]
`);
  assert.equal(refused.code, 5);
  assert.match(refused.stderr, /^headrace: webhook github\/bad: 422: /);
  assert.ok(refused.stderr.includes(`${file}:12:11: `), refused.stderr);
  assert.match(refused.stderr, /^headrace: 1 of 2 changes were made/m);
  assert.deepEqual((await definitions(cli)).webhooks.map(({tag}) => tag), ['repo']);
});

test('a terminal is asked, and no is no', async (t) => {
  const {cli, file} = await setUp(t);
  await writeFile(file, TOML);
  const no = await cli.onTerminal(['apply', '-f', file], {input: 'n\n'});
  assert.equal(no.code, 1, no.stdout);
  assert.match(no.stdout, /apply 6 changes\? \[y\/N\] /);
  assert.match(no.stdout, /nothing was changed/);
  assert.match(no.stdout, /\x1b\[32m\+ webhook github\/repo\x1b\[0m/);
  assert.deepEqual((await definitions(cli)).webhooks, []);
  const yes = await cli.onTerminal(['apply', '-f', file], {input: 'y\n', env: {NO_COLOR: '1'}});
  assert.equal(yes.code, 0, yes.stdout);
  assert.match(yes.stdout, /^\+ webhook github\/repo$/m);
  assert.match(yes.stdout, /done\n$/);
  const unasked = await cli.onTerminal(['apply', '-f', file, '--yes']);
  assert.equal(unasked.stdout, 'nothing to do\n');
});

test('JSON from standard input, a key that may not write, and no daemon', async (t) => {
  const {cli} = await setUp(t);
  const file = {webhooks: [{app: 'a', tag: 'w', name: 'W', envs: [{slug: 'prd'}]}]};
  const input = JSON.stringify(file);
  const reader = await cli.json(['key', 'create', '--name', 'reader', '--scope', 'read']);
  const asReader = {HEADRACE_KEY_FILE: '', HEADRACE_KEY: reader.secret};
  const forbidden = await cli.run(['apply', '-f', '-'], {input, env: asReader});
  assert.equal(forbidden.code, 5);
  assert.match(forbidden.stderr, /403/);
  const done = await cli.run(['apply', '-f', '-'], {input});
  assert.equal(done.code, 0, done.stderr);
  assert.equal((await cli.json(['webhook', 'get', 'a', 'w'])).name, 'W');
  const nowhere = await cli.run(['apply', '-f', '-', '--workspace', 'none'], {input});
  assert.equal(nowhere.code, 5);
  assert.equal(await cli.daemon.stop(), 0);
  assert.equal((await cli.run(['apply', '-f', '-'], {input})).code, 4);
});

test('a webhook is verified as the file says, and its secrets are not shown', async (t) => {
  const {apply} = await setUp(t);
  const text = `
[[webhooks]]
app = "github"
tag = "repo"
name = "R"
envs = [{slug = "prd", verification = {provider = "github", secrets = ["$Secret{SHOP}", "plain"]}}]
`;
  const first = await apply(text);
  assert.equal(first.code, 0, first.stderr);
  assert.equal((await apply(text)).stdout, 'nothing to do\n');
  const other = text.replace('$Secret{SHOP}', '$Secret{OTHER}');
  const changed = await apply(other);
  assert.match(changed.stdout, /^    envs.prd.verification: \(not shown\) -> \(not shown\)$/m);
  const more = other.replace(
      'envs = [', 'envs = [{slug = "snd", verification = {provider = "github", secrets = ["plain"]}}, ');
  const added = await apply(more);
  assert.equal(added.code, 0, added.stderr);
  assert.equal((await apply(more)).stdout, 'nothing to do\n');
  for (const {stdout, stderr} of [first, changed, added])
    assert.doesNotMatch(stdout + stderr, /plain|OTHER/);
});
