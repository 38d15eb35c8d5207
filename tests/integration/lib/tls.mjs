// SPDX-License-Identifier: Apache-2.0
// Certificates by `openssl`, and its client.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';

import {find} from './peer.mjs';
import {within} from './wait.mjs';

// Runs openssl to its end; answers {code, text} with all that it said.
export async function openssl(args, input = '') {
  const child = spawn(find('openssl'), args, {stdio: ['pipe', 'pipe', 'pipe']});
  let text = '';
  for (const name of ['stdout', 'stderr'])
    child[name].on('data', (chunk) => {
      text += chunk;
    });
  child.stdin.on('error', () => {});  // it may end without reading
  child.stdin.end(input);
  const [code] = await within(40, () => `openssl runs: ${text}`, once(child, 'close'));
  return {code, text};
}

// A certificate that is its own root: NAME.pem and NAME.key in `folder`.
export async function certificate(folder, name) {
  const files = {certificate: path.join(folder, `${name}.pem`), key: path.join(folder, `${name}.key`)};
  const {code, text} = await openssl([
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout',
    files.key, '-out', files.certificate
  ]);
  if (code !== 0) throw new Error(`no certificate: ${text}`);
  return files;
}

// Connects as a client; `input` is what it sends. -ign_eof: it stays until the server closes.
export function client(address, args = [], input = '') {
  return openssl(
      ['s_client', '-connect', address, '-servername', 'localhost', '-ign_eof', ...args], input);
}
