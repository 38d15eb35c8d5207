// SPDX-License-Identifier: Apache-2.0
// Runs `headrace bench run` and `bench chaos`, and knows the schema of what they print.
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';

import {BINARY, cleanEnvironment} from './daemon.mjs';
import * as scratch from './scratch.mjs';
import {within} from './wait.mjs';

const SECONDS = 240;  // a sanitizer build on a machine that others use, too

let validate;

// Fails with what is wrong with it.
export async function assertResult(result) {
  if (validate === undefined) {
    const ajv = new Ajv2020({strict: true, allowUnionTypes: true, allErrors: true});
    addFormats(ajv);
    const file = new URL('../../../docs/bench-result.schema.json', import.meta.url);
    ajv.addSchema(JSON.parse(await readFile(file, 'utf8')), 'results');
    validate = ajv.getSchema('results#/$defs/run');
  }
  assert.ok(validate(result), JSON.stringify(validate.errors, null, 1));
}

// A run below a folder of its own: {child, folder, text, exited}.
export async function start(t, args) {
  const folder = await scratch.folder(t);
  const child = spawn(
      BINARY, ['bench', ...args, '--data', folder],
      {env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe']});
  scratch.atEnd(t, () => child.kill('SIGKILL'));
  const text = {stdout: '', stderr: ''};
  for (const name of ['stdout', 'stderr'])
    child[name].on('data', (chunk) => {
      text[name] += chunk;
    });
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  return {child, folder, text, exited};
}

// To its end: {code, stdout, stderr, folder}.
export async function play(t, ...args) {
  const run = await start(t, args);
  const code = await within(
      SECONDS, () => `bench ${args.join(' ')} runs\n${run.text.stderr}`, run.exited);
  return {code, folder: run.folder, ...run.text};
}

// With --json, one run: {code, result}, which is as the schema says.
export async function result(t, ...args) {
  const {code, stdout, stderr, folder} = await play(t, ...args, '--json');
  assert.notEqual(stdout, '', `exit code ${code}: ${stderr}`);
  const parsed = JSON.parse(stdout);
  await assertResult(parsed);
  return {code, result: parsed, folder};
}
