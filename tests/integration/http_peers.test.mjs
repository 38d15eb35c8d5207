// SPDX-License-Identifier: Apache-2.0
// Links as other people's HTTP meets them: behind haproxy and nginx, from curl, pipelined, and
// hostile.
import assert from 'node:assert/strict';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import {byHeader, payloads, register} from './lib/github.mjs';
import {curl, startProxy} from './lib/peer.mjs';
import {RawConnection} from './lib/raw.mjs';
import * as scratch from './lib/scratch.mjs';
import {sha256} from './lib/sink.mjs';

const BODY_BYTES_MAX = 1024 * 1024;

async function setUp(t) {
  const daemon = await scratch.daemon(t);
  const sink = await scratch.sink(t);
  const registered = await register(daemon.api, {events: [byHeader('push')], url: sink.url});
  return {daemon, sink, link: registered.link, path: new URL(registered.link).pathname};
}

const idOf = (answer) => JSON.parse(answer.body).id;

// A push payload of exactly that many bytes.
function pushOf(bytes) {
  const empty = JSON.stringify({ref: 'refs/heads/main', fill: ''});
  return JSON.stringify({ref: 'refs/heads/main', fill: 'x'.repeat(bytes - empty.length)});
}

for (const name of ['haproxy', 'nginx']) {
  test(`messages come through ${name} unchanged, with a length and chunked`, async (t) => {
    const {daemon, sink, path: target} = await setUp(t);
    const proxy =
        await startProxy(name, {folder: await scratch.folder(t), upstream: daemon.ingestAddress});
    scratch.atEnd(t, proxy.end);
    const client = scratch.client(t);
    const sent = payloads().filter((one) => one.name === 'push');
    const url = {socketPath: proxy.socket, path: target};
    for (const one of sent) {
      const answer = await client.send('POST', url, one.body, one.headers);
      assert.equal(answer.status, 200, answer.body.toString());
      one.id = idOf(answer);
    }
    const file = path.join(await scratch.folder(t), 'body');
    await writeFile(file, sent[0].body);
    const chunked = await curl([
      '--unix-socket',
      proxy.socket,
      '-H',
      'Transfer-Encoding: chunked',
      '-H',
      'X-GitHub-Event: push',
      '-H',
      'Content-Type: application/json',
      '--data-binary',
      `@${file}`,
      `http://localhost${target}`,
    ]);
    assert.equal(chunked.status, 200, chunked.text + chunked.errors);
    sent.push({...sent[0], id: JSON.parse(chunked.text).id});
    await sink.receives(sent.length);
    const byId = new Map(sink.records.map((record) => [record.message, record.sha256]));
    for (const one of sent) assert.equal(byId.get(one.id), sha256(one.body));
  });
}

test(
    'curl uploads chunked, and waits for 100 Continue with a body of the largest size',
    async (t) => {
      const {sink, link} = await setUp(t);
      const file = path.join(await scratch.folder(t), 'body');
      const body = pushOf(BODY_BYTES_MAX);
      await writeFile(file, body);
      const common = [
        '-H', 'X-GitHub-Event: push', '-H', 'Content-Type: application/json', '--data-binary',
        `@${file}`
      ];
      const chunked = await curl([...common, '-H', 'Transfer-Encoding: chunked', link]);
      assert.equal(chunked.status, 200, chunked.text + chunked.errors);
      const patient = await curl(
          [...common, '-v', '--expect100-timeout', '20', '-H', 'Expect: 100-continue', link]);
      assert.equal(patient.status, 200, patient.text + patient.errors);
      assert.match(patient.errors, /HTTP\/1\.1 100/, 'the server asked for the body');
      await sink.receives(2);
      for (const record of sink.records) assert.equal(record.sha256, sha256(body));
    });

test('a body over the limit is refused with 413, announced or chunked', async (t) => {
  const {daemon, sink, link, path: target} = await setUp(t);
  const file = path.join(await scratch.folder(t), 'body');
  await writeFile(file, pushOf(BODY_BYTES_MAX + 1));
  const common = ['-H', 'X-GitHub-Event: push', '--data-binary', `@${file}`, link];
  const announced =
      await curl(['-v', '-H', 'Expect: 100-continue', '--expect100-timeout', '20', ...common]);
  assert.equal(announced.status, 413);
  assert.doesNotMatch(announced.errors, /HTTP\/1\.1 100/, 'the body was not asked for');
  const chunked = await curl(['-H', 'Transfer-Encoding: chunked', ...common]);
  assert.equal(chunked.status, 413);
  const connection = await RawConnection.open(daemon.ingestAddress);
  connection.write(
      `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY_BYTES_MAX + 1}\r\n\r\n`);
  assert.deepEqual((await connection.ended()).map(({status}) => status), [413]);
  assert.equal(sink.records.length, 0);
});

test('HEAD is answered without a body, and the connection serves on', async (t) => {
  const {daemon, sink, path: target} = await setUp(t);
  const connection = await RawConnection.open(daemon.ingestAddress);
  connection.write(`HEAD ${target} HTTP/1.1\r\nHost: a\r\n\r\n` + post(target, '{"n":1}'));
  const [, posted] = await connection.answered(2, 1);
  connection.close();
  assert.equal(posted.status, 200);
  await sink.receives(1);
  const head = await curl(['--head', `http://${daemon.apiAddress}/livez`]);
  assert.equal(head.status, 200);
});

function post(target, body, headers = '') {
  return `POST ${target} HTTP/1.1\r\nHost: a\r\nX-GitHub-Event: push\r\n${headers}Content-Length: ${
      body.length}\r\n\r\n${body}`;
}

test('pipelined requests are answered in order, and delivered', async (t) => {
  const {daemon, sink, path: target} = await setUp(t);
  const bodies = Array.from({length: 40}, (_, number) => JSON.stringify({number}));
  const connection = await RawConnection.open(daemon.ingestAddress);
  connection.write(bodies.map((body) => post(target, body)).join(''));
  const answers = await connection.answered(bodies.length);
  connection.close();
  assert.deepEqual(new Set(answers.map(({status}) => status)), new Set([200]));
  await sink.receives(bodies.length);
  const byId = new Map(sink.records.map((record) => [record.message, record.body.toString()]));
  assert.deepEqual(answers.map((answer) => byId.get(idOf(answer))), bodies);
});

test('a request in single bytes is one message', async (t) => {
  const {daemon, sink, path: target} = await setUp(t);
  const connection = await RawConnection.open(daemon.ingestAddress);
  connection.socket.setNoDelay(true);
  for (const byte of post(target, '{"a":"b"}')) connection.write(byte);
  const [answer] = await connection.answered(1);
  connection.close();
  assert.equal(answer.status, 200);
  await sink.receives(1);
  assert.equal(sink.records[0].body.toString(), '{"a":"b"}');
});

// Each is a request that two servers could understand differently, followed by one that must never
// be seen.
const SMUGGLING = {
  'both lengths': ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  'two lengths that differ': ['Content-Length: 2\r\nContent-Length: 5\r\n', '{}'],
  'a length list': ['Content-Length: 2, 2\r\n', '{}'],
  'a length with a sign': ['Content-Length: +2\r\n', '{}'],
  'a hexadecimal length': ['Content-Length: 0x2\r\n', '{}'],
  'a negative length': ['Content-Length: -1\r\n', '{}'],
  'a length with a blank inside': ['Content-Length: 1 2\r\n', '{}'],
  'an empty length': ['Content-Length:\r\n', '{}'],
  'a length beyond 64 bits': ['Content-Length: 18446744073709551618\r\n', '{}'],
  'a folded header': ['X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', '{}'],
  'a folded first header by tab': ['\tX-A: b\r\nContent-Length: 2\r\n', '{}'],
  'a blank before the colon': ['Content-Length : 2\r\n', '{}'],
  'a tab before the colon': ['Transfer-Encoding\t: chunked\r\nContent-Length: 2\r\n', '{}'],
  'a carriage return in a value':
      ['X-A:\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n', '{}'],
  'a NUL in a value': ['X-A: \0\r\nContent-Length: 2\r\n', '{}'],
  'a header without a colon': ['X-A\r\nContent-Length: 2\r\n', '{}'],
  'an empty header name': [': a\r\nContent-Length: 2\r\n', '{}'],
  'an unknown coding': ['Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
  'chunked not last': ['Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'],
  'chunked twice':
      ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'],
  'a chunk size that is no number': ['Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n'],
  'a chunk size with a sign': ['Transfer-Encoding: chunked\r\n', '+2\r\n{}\r\n0\r\n\r\n'],
  'a chunk size with a prefix': ['Transfer-Encoding: chunked\r\n', '0x2\r\n{}\r\n0\r\n\r\n'],
  'a chunk size beyond 64 bits':
      ['Transfer-Encoding: chunked\r\n', '10000000000000002\r\n{}\r\n0\r\n\r\n', 413],
  'a chunk size line that ends in a bare line feed':
      ['Transfer-Encoding: chunked\r\n', '2\n{}\r\n0\r\n\r\n'],
  'a chunk longer than its size': ['Transfer-Encoding: chunked\r\n', '1\r\n{}\r\n0\r\n\r\n'],
  'a chunk that ends in a bare line feed': ['Transfer-Encoding: chunked\r\n', '2\r\n{}\n0\r\n\r\n'],
  'header lines that end in bare line feeds': ['X-A: b\nContent-Length: 2\r\n', '{}'],
};

test('what could smuggle a request is answered once, as bad, and closed', async (t) => {
  const {daemon, sink, path: target} = await setUp(t);
  const hidden = post(target, '{"hidden":true}');
  for (const [what, [headers, body, status = 400]] of Object.entries(SMUGGLING)) {
    const connection = await RawConnection.open(daemon.ingestAddress);
    connection.write(`POST ${target} HTTP/1.1\r\nHost: a\r\nX-GitHub-Event: push\r\n${headers}\r\n${
        body}${hidden}`);
    const answers = await connection.ended();
    assert.deepEqual(answers.map((answer) => answer.status), [status], what);
  }
  await serveOn(daemon, sink, target);
});

const MALFORMED = {
  'no HTTP at all': '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 hello\r\n\r\n',
  'no version': (target) => `POST ${target}\r\nHost: a\r\n\r\n`,
  'a version of another protocol': (target) => `POST ${target} RTSP/1.0\r\nHost: a\r\n\r\n`,
  'a blank in the target': (target) =>
      `POST ${target} x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`,
  'a blank before the method': (target) =>
      ` POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`,
};

test('what is not HTTP is answered 400 or closed, and nobody else notices', async (t) => {
  const {daemon, sink, path: target} = await setUp(t);
  for (const [what, text] of Object.entries(MALFORMED)) {
    const connection = await RawConnection.open(daemon.ingestAddress);
    connection.write(typeof text === 'function' ? text(target) : text);
    const statuses = (await connection.ended()).map(({status}) => status);
    assert.ok(
        statuses.length === 0 || (statuses.length === 1 && [400, 505].includes(statuses[0])),
        `${what}: ${statuses}`);
  }
  await serveOn(daemon, sink, target);
});

test('a head over the limit is answered 431 and closed', async (t) => {
  const {daemon, sink, path: target} = await setUp(t);
  const connection = await RawConnection.open(daemon.ingestAddress);
  connection.write(post(target, '{}', `X-Long: ${'x'.repeat(33 * 1024)}\r\n`));
  assert.deepEqual((await connection.ended()).map(({status}) => status), [431]);
  await serveOn(daemon, sink, target);
});

// The daemon still takes a good message, and it is the only one that is delivered.
async function serveOn(daemon, sink, target) {
  const connection = await RawConnection.open(daemon.ingestAddress);
  connection.write(post(target, '{"good":true}'));
  const [answer] = await connection.answered(1);
  connection.close();
  assert.equal(answer.status, 200);
  await sink.receives(1);
  assert.deepEqual(sink.records.map(({body}) => body.toString()), ['{"good":true}']);
}

test(
    'an unknown link is 404 and bad JSON is 400 with its offset, as problem documents',
    async (t) => {
      const {daemon, link} = await setUp(t);
      const client = scratch.client(t);
      const unknown =
          await client.send('POST', daemon.linkUrl('http://a/in/0000000000000000000000'), '{}');
      assert.equal(unknown.status, 404);
      assert.match(unknown.headers['content-type'], /^application\/problem\+json/);
      const bad =
          await client.send('POST', link, '{"a": nul}', {'content-type': 'application/json'});
      assert.equal(bad.status, 400);
      assert.match(bad.headers['content-type'], /^application\/problem\+json/);
      assert.match(bad.body.toString(), /byte 9\b/, 'it names the offset');
    });
