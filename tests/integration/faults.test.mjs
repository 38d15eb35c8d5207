// SPDX-License-Identifier: Apache-2.0
// Faults around a real daemon; docs/faults.md has the table of all of them.
import assert from 'node:assert/strict';
import test from 'node:test';

import {byHeader, payloads, register} from './lib/github.mjs';
import {RawConnection} from './lib/raw.mjs';
import * as scratch from './lib/scratch.mjs';
import {until} from './lib/wait.mjs';

const FILES = 160;     // of the daemon: files and sockets
const STRANGERS = 200;  // connections to each of its two ports

const push = payloads().find(({name}) => name === 'push');

let posted = 0;
async function post(client, daemon, link) {
  const headers = {...push.headers, 'x-github-delivery': `delivery-${++posted}`};
  return client.send('POST', daemon.linkUrl(link), push.body, headers);
}

// Idle connections, as many as it lets in.
async function crowd(t, address) {
  const opened = await Promise.all(
      Array.from({length: STRANGERS}, () => RawConnection.open(address).catch(() => null)));
  const connections = opened.filter((connection) => connection !== null);
  scratch.atEnd(t, () => connections.forEach((connection) => connection.close()));
  return connections;
}

test('a daemon without file descriptors goes on with who is there, and recovers', async (t) => {
  const sink = await scratch.sink(t);
  const daemon = await scratch.daemon(t, {files: FILES});
  const {link} = await register(daemon.api, {events: [byHeader('push')], url: sink.url, in_flight_max: 2});
  const known = scratch.client(t, {connections: 1});
  assert.equal((await post(known, daemon, link)).status, 200);
  await sink.receives(1);

  const strangers = [
    ...await crowd(t, daemon.ingestAddress),
    ...await crowd(t, daemon.apiAddress),
  ];
  let taken = 1;
  for (let i = 0; i < 50; ++i) {
    const {status} = await post(known, daemon, link);
    assert.ok(status === 200 || status === 503, `answered ${status}`);
    if (status === 200) ++taken;
  }
  assert.equal(taken, 51, 'who is connected is served');
  await sink.receives(taken);

  for (const connection of strangers) connection.close();
  const newcomer = scratch.client(t);
  const answer = await until(
      async () => {
        const tried = await post(newcomer, daemon, link);
        return tried.status === 200 ? tried : null;
      },
      {what: 'nobody new is let in'});
  assert.equal(answer.status, 200);
  await sink.receives(taken + 1);
  assert.equal((await daemon.api.call('GET', '/readyz')).status, 200);
  assert.equal(await daemon.stop(), 0);
  assert.equal(sink.records.length, taken + 1);
});

test('a data folder that cannot be made or written is a clear error and no hang', async (t) => {
  const {run} = await import('./lib/daemon.mjs');
  const {code, stderr} = await run(
      ['serve', '--data', '/proc/headrace', '--listen', '127.0.0.1:0', '--api-listen', '127.0.0.1:0']);
  assert.notEqual(code, 0);
  assert.match(stderr, /\/proc\/headrace/);
});
