// SPDX-License-Identifier: Apache-2.0
// Runs a documents' example as the program that a reader would make of it: a module of its own, in
// a process of its own, that imports the client as an installed package.
//
// Nothing of an example's text is changed but by SUBSTITUTIONS. An example that makes no client
// gets one as `ductape`, from lines put before it; what it assigned is reported by a line after it.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {text} from 'node:stream/consumers';
import {fileURLToPath} from 'node:url';

import {cleanEnvironment} from '../../integration/lib/daemon.mjs';
import * as scratch from '../../integration/lib/scratch.mjs';
import {within} from '../../integration/lib/wait.mjs';

const CLIENT = fileURLToPath(new URL('../../../tools/js', import.meta.url));
const SECONDS = 60;

export const EXAMPLES = fileURLToPath(new URL('../examples', import.meta.url));

// All that may differ from the documents. `by` gets the connection settings and what was found.
export const SUBSTITUTIONS = [
  {
    what: /'@ductape\/sdk'/g,
    by: () => '\'headrace\'',
    why: 'import: our package has another name',
  },
  {
    what: /'your-private-key'/g,
    by: ({key}) => `'${key}'`,
    why: 'connection: the key that this daemon made',
  },
  {
    what: /https:\/\/((?:api|sandbox|live)\.webhook\.com|(?:api|staging)\.example\.com)/g,
    by: ({hosts}, _, host) => baseOf(hosts, host),
    why: 'connection: the documents\' hosts are servers on loopback here',
  },
  {
    what: /^(\s+(?:\w+: \{)?\});$/gm,
    only: /^5-registering-for-webhooks\//,
    by: (_, __, member) => `${member},`,
    why: 'syntax: document 5 ends the members of an object by ";", where JavaScript has ","',
  },
];

// The text of an example, "DOCUMENT/EXAMPLE".
export function exampleText(name) {
  return readFile(path.join(EXAMPLES, `${name}.txt`), 'utf8');
}

export function substitute(name, original, settings) {
  return SUBSTITUTIONS.filter(({only}) => only === undefined || only.test(name))
      .reduce(
          (changed, {what, by}) => changed.replace(what, (...found) => by(settings, ...found)),
          original);
}

// Runs it and answers {values, output}: what it assigned to the constants named in `values`, and
// what it printed. It must end by itself, without an error. `settings`: {url, key, app, hosts}.
export async function runExample(t, name, settings, values = []) {
  const folder = await scratch.folder(t);
  await mkdir(path.join(folder, 'node_modules'));
  await symlink(CLIENT, path.join(folder, 'node_modules/headrace'));
  const file = path.join(folder, 'example.mjs');
  await writeFile(
      file, moduleOf(substitute(name, await exampleText(name), settings), settings, values));
  const child = spawn(process.execPath, [file], {
    env: cleanEnvironment({HEADRACE_URL: settings.url}),
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  scratch.atEnd(t, () => child.kill('SIGKILL'));
  const [[code], output, errors, report] = await within(SECONDS, `${name} runs`, Promise.all([
    once(child, 'exit'), text(child.stdout), text(child.stderr), text(child.stdio[3])
  ]));
  if (code !== 0 || errors !== '') throw new Error(`${name} ended with ${code}: ${errors}`);
  return {values: JSON.parse(report), output};
}

function moduleOf(example, {key, app}, values) {
  const makesItsClient = /^import /m.test(example);
  const options = JSON.stringify({private_key: key, app});
  const before = makesItsClient ? '' :
                                  'import Headrace, {HttpMethods} from \'headrace\';\n' +
          `const ductape = new Headrace(${options});\n`;
  const after = 'import {writeSync as report} from \'node:fs\';\n' +
      `report(3, JSON.stringify({${values.join(', ')}}));\n`;
  return before + example + after;
}

function baseOf(hosts, host) {
  if (hosts?.[host] === undefined) throw new Error(`no server stands for ${host}`);
  return hosts[host];
}
