// SPDX-License-Identifier: Apache-2.0
// The examples are the documents' own text. The documents are not part of this tree, so digests of
// the examples are; where HEADRACE_DOCUMENTS names their folder, the text itself is compared.
import assert from 'node:assert/strict';
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {sha256} from '../integration/lib/sink.mjs';

import {EXAMPLES, exampleText, substitute, SUBSTITUTIONS} from './lib/run_example.mjs';

const DIGESTS = fileURLToPath(new URL('examples.sha256', import.meta.url));
const DOCUMENTS = process.env.HEADRACE_DOCUMENTS;
const TESTS = fileURLToPath(new URL('.', import.meta.url));
const CALL = /\bductape\.[\w.]+\(/g;
const HOSTS = Object.fromEntries([
  'api.webhook.com', 'sandbox.webhook.com', 'live.webhook.com', 'api.example.com',
  'staging.example.com'
].map((host) => [host, `http://${host}.test`]));

// "DOCUMENT/EXAMPLE" of each, sorted.
async function names() {
  const found = await readdir(EXAMPLES, {recursive: true});
  return found.filter((name) => name.endsWith('.txt')).map((name) => name.slice(0, -4)).sort();
}

test('each example is the text that was taken from its document', async () => {
  const lines = (await readFile(DIGESTS, 'utf8')).trimEnd().split('\n');
  const expected = new Map(lines.map((line) => line.split('  examples/').reverse()));
  const found = await names();
  assert.deepEqual(found.map((name) => `${name}.txt`), [...expected.keys()].sort());
  for (const name of found)
    assert.equal(sha256(await exampleText(name)), expected.get(`${name}.txt`), name);
});

test(
    'each example stands in its document letter for letter, and none is left out',
    {skip: DOCUMENTS ? false : 'HEADRACE_DOCUMENTS is not set'}, async () => {
      const calls = {examples: 0, documents: 0};
      for (const name of await names()) {
        const text = await exampleText(name);
        const document = await readFile(path.join(DOCUMENTS, `${path.dirname(name)}.txt`), 'utf8');
        assert.ok(`\n${document}\n`.includes(`\n${text}`), name);
        calls.examples += text.match(CALL)?.length ?? 0;
      }
      for (const name of await readdir(DOCUMENTS))
        calls.documents +=
            (await readFile(path.join(DOCUMENTS, name), 'utf8')).match(CALL)?.length ?? 0;
      assert.equal(calls.examples, calls.documents);
    });

test('each example is run by a test', async () => {
  const files = (await readdir(TESTS)).filter((name) => name.endsWith('.test.mjs'));
  const texts = await Promise.all(files.map((file) => readFile(path.join(TESTS, file), 'utf8')));
  for (const name of await names()) {
    const [document, example] = name.split('/');
    const isRun = (text) => text.includes(`'${document}'`) &&
        [`/${example}\``, `'${example}'`].some((reference) => text.includes(reference));
    assert.ok(texts.some(isRun), name);
  }
});

test('each substitution is needed, and they change nothing else', async () => {
  const uses = new Map(SUBSTITUTIONS.map(({why}) => [why, 0]));
  for (const name of await names()) {
    const text = await exampleText(name);
    const changed = substitute(name, text, {key: 'KEY', hosts: HOSTS}).split('\n');
    const lines = text.split('\n');
    assert.equal(changed.length, lines.length);
    for (const [index, line] of lines.entries()) {
      if (line === changed[index]) continue;
      const used = SUBSTITUTIONS.filter(
          ({what, only}) => line.match(new RegExp(what)) && (only?.test(name) ?? true));
      assert.equal(used.length, 1, `${name}:${index + 1}`);
      uses.set(used[0].why, uses.get(used[0].why) + 1);
    }
  }
  for (const [why, count] of uses) assert.ok(count > 0, why);
});
