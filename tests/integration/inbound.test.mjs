// SPDX-License-Identifier: Apache-2.0
// Links over TLS, behind proxies that say whose request it is, as other people's programs see them.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {rename, writeFile} from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import {gzipSync} from 'node:zlib';

import {byHeader, byPath, payloads, register} from './lib/github.mjs';
import {curl, startProxy} from './lib/peer.mjs';
import {RawConnection} from './lib/raw.mjs';
import * as scratch from './lib/scratch.mjs';
import {sha256} from './lib/sink.mjs';
import {certificate, client} from './lib/tls.mjs';
import {until, within} from './lib/wait.mjs';

const GET = 'GET /in/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

// A daemon whose links are served over TLS, by a certificate that its clients can trust.
async function secured(t, args = []) {
  const folder = await scratch.folder(t);
  const files = await certificate(folder, 'server');
  const daemon = await scratch.daemon(
      t, {args: ['--tls-certificate', files.certificate, '--tls-key', files.key, ...args]});
  return {daemon, folder, files};
}

async function registered(t, daemon, events = [byHeader('push')]) {
  const sink = await scratch.sink(t);
  const {link} = await register(daemon.api, {events, url: sink.url});
  return {sink, link, target: new URL(link).pathname};
}

const subjectOf = ({text}) => /^subject=(.*)$/m.exec(text)?.[1];
const has = (daemon, event) => daemon.log().includes(`"event":"${event}"`);

test('TLS 1.2 and 1.3 are spoken, older versions are not', async (t) => {
  const {daemon} = await secured(t);
  for (const version of ['-tls1_2', '-tls1_3']) {
    const {text} = await client(daemon.ingestAddress, [version], GET);
    assert.match(text, /HTTP\/1\.1 404/, version);
  }
  for (const version of ['-tls1', '-tls1_1']) {
    const {code, text} =
        await client(daemon.ingestAddress, [version, '-cipher', 'DEFAULT@SECLEVEL=0'], GET);
    assert.notEqual(code, 0, version);
    assert.match(text, /alert protocol version/, version);
  }
});

test('only ciphers with forward secrecy and authenticated encryption are taken', async (t) => {
  const {daemon} = await secured(t);
  const by = (cipher) => client(
      daemon.ingestAddress, ['-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`], GET);
  for (const cipher of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'])
    assert.match((await by(cipher)).text, /HTTP\/1\.1 404/, cipher);
  for (const cipher of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'AES128-GCM-SHA256',
                        'AES128-SHA', 'ECDHE-ECDSA-NULL-SHA', 'AECDH-AES128-SHA']) {
    const {code, text} = await by(cipher);
    assert.notEqual(code, 0, cipher);
    assert.match(text, /alert handshake failure/, cipher);
  }
});

test('ALPN chooses http/1.1, or refuses whoever speaks only others', async (t) => {
  const {daemon} = await secured(t);
  const ours = await client(daemon.ingestAddress, ['-alpn', 'h2,http/1.1'], GET);
  assert.match(ours.text, /ALPN protocol: http\/1\.1/);
  const others = await client(daemon.ingestAddress, ['-alpn', 'h2'], GET);
  assert.notEqual(others.code, 0);
  assert.match(others.text, /alert no application protocol/);
  const none = await client(daemon.ingestAddress, [], GET);
  assert.match(none.text, /HTTP\/1\.1 404/);
});

test('renegotiation is refused', async (t) => {
  const {daemon} = await secured(t);
  const {text} = await client(daemon.ingestAddress, ['-tls1_2', '-no_ign_eof'], 'R\n');
  assert.match(text, /no renegotiation/i);
  assert.doesNotMatch(text, /HTTP\/1\.1/);
});

test('sessions are resumed', async (t) => {
  const {daemon, folder} = await secured(t);
  for (const version of ['-tls1_2', '-tls1_3']) {
    const file = path.join(folder, `session${version}`);
    const first = await client(daemon.ingestAddress, [version, '-sess_out', file], GET);
    assert.match(first.text, /^New, /m);
    const second = await client(daemon.ingestAddress, [version, '-sess_in', file], GET);
    assert.match(second.text, /^Reused, /m, version);
    assert.match(second.text, /HTTP\/1\.1 404/, version);
  }
});

test('SIGHUP takes the new certificate, a broken one is left, and connections go on', async (t) => {
  const {daemon, folder, files} = await secured(t);
  assert.match(subjectOf(await client(daemon.ingestAddress, [], GET)), /server/);
  const kept = await longConnection(t, daemon);
  assert.match(await kept(), /^HTTP\/1\.1 404/);

  const next = await certificate(folder, 'renewed');
  await rename(next.certificate, files.certificate);
  await rename(next.key, files.key);
  process.kill(daemon.pid, 'SIGHUP');
  await until(() => has(daemon, 'certificates_reloaded'), {what: () => daemon.log()});
  assert.match(subjectOf(await client(daemon.ingestAddress, [], GET)), /renewed/);

  await writeFile(files.certificate, 'nonsense');
  process.kill(daemon.pid, 'SIGHUP');
  await until(() => has(daemon, 'certificates_kept'), {what: () => daemon.log()});
  assert.match(subjectOf(await client(daemon.ingestAddress, [], GET)), /renewed/);
  assert.match(await kept(), /^HTTP\/1\.1 404/, 'the connection from before is served');
  assert.equal(await daemon.stop(), 0);
});

// A connection that stays: a function that makes a request on it and answers what comes back.
async function longConnection(t, daemon) {
  const [host, port] = daemon.ingestAddress.split(':');
  const socket = tls.connect({host, port: Number(port), rejectUnauthorized: false});
  scratch.atEnd(t, () => socket.destroy());
  socket.setEncoding('latin1');
  await once(socket, 'secureConnect');
  return async () => {
    const answer = once(socket, 'data');
    socket.write('GET /in/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return (await within(20, 'a request is answered', answer))[0];
  };
}

test('a client certificate is demanded where an authority is named', async (t) => {
  const folder = await scratch.folder(t);
  const theirs = await certificate(folder, 'provider');
  const {daemon} = await secured(t, ['--tls-client-ca', theirs.certificate]);
  const stranger = await certificate(folder, 'stranger');
  const withNone = await client(daemon.ingestAddress, [], GET);
  assert.doesNotMatch(withNone.text, /HTTP\/1\.1/);
  assert.match(withNone.text, /alert certificate required/);
  const asStranger = await client(
      daemon.ingestAddress, ['-cert', stranger.certificate, '-key', stranger.key], GET);
  assert.doesNotMatch(asStranger.text, /HTTP\/1\.1/);
  const asProvider =
      await client(daemon.ingestAddress, ['-cert', theirs.certificate, '-key', theirs.key], GET);
  assert.match(asProvider.text, /HTTP\/1\.1 404/);
});

test('the API has a certificate of its own', async (t) => {
  const folder = await scratch.folder(t);
  const files = await certificate(folder, 'api');
  const daemon = await scratch.daemon(
      t, {args: ['--api-tls-certificate', files.certificate, '--api-tls-key', files.key]});
  const answer = await curl(['--cacert', files.certificate, `https://${daemon.apiAddress}/livez`]);
  assert.equal(answer.status, 200, answer.errors);
  const link = await curl([`http://${daemon.ingestAddress}/in/nothing`]);
  assert.equal(link.status, 404, 'links are served as they are told to be');
});

test('a certificate without its key is an error of the configuration', async (t) => {
  const folder = await scratch.folder(t);
  const files = await certificate(folder, 'server');
  await assert.rejects(scratch.daemon(t, {args: ['--tls-certificate', files.certificate]}), /tls_key/);
});

// haproxy passes TLS through and says by PROXY whose connection it is.
test('behind haproxy, clients are told apart by the PROXY protocol, under TLS', async (t) => {
  const {daemon, files} = await secured(
      t, ['--proxy-protocol', '127.0.0.0/8', '--connections-per-client', '2']);
  const {sink, target} = await registered(t, daemon);
  const proxy = await startProxy('haproxy_tcp', {
    folder: await scratch.folder(t),
    upstream: daemon.ingestAddress,
    listener: await listening(t)
  });
  scratch.atEnd(t, proxy.end);
  const [one] = payloads().filter(({name}) => name === 'push');
  const file = path.join(await scratch.folder(t), 'body');
  await writeFile(file, one.body);
  const answer = await curl([
    '--cacert', files.certificate, '-H', 'X-GitHub-Event: push', '-H',
    'Content-Type: application/json', '--data-binary', `@${file}`, `https://${proxy.address}${target}`
  ]);
  assert.equal(answer.status, 200, answer.errors);
  await sink.receives(1);
  assert.equal(sink.records[0].sha256, sha256(one.body));

  // Two of one client's stay, a third is closed: it is counted by what haproxy says.
  const held = [];
  for (let i = 0; i < 2; ++i) held.push(await RawConnection.open(proxy.address));
  const third = await client(proxy.address, [], GET);
  assert.doesNotMatch(third.text, /HTTP\/1\.1/);
  for (const connection of held) connection.close();
  await until(
      async () => (await client(proxy.address, [], GET)).text.includes('HTTP/1.1 404'),
      {what: () => 'connections that are gone are not counted any more'});

  // Whoever comes without the header, from where it is demanded, is not heard.
  const direct = await client(daemon.ingestAddress, [], GET);
  assert.doesNotMatch(direct.text, /HTTP\/1\.1/);
});

// A listening socket for a program that inherits it, so that no port has to be guessed.
async function listening(t) {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scratch.atEnd(t, () => server.close());
  return server;
}

test('what nginx says of its client is believed and not passed on', async (t) => {
  const daemon = await scratch.daemon(t, {args: ['--trusted-proxies', '127.0.0.1']});
  const {sink, target} = await registered(t, daemon);
  const proxy = await startProxy(
      'nginx', {folder: await scratch.folder(t), upstream: daemon.ingestAddress});
  scratch.atEnd(t, proxy.end);
  const http = scratch.client(t);
  const headers = {'x-github-event': 'push', 'forwarded': 'for=192.0.2.66', 'x-kept': 'yes'};
  for (let i = 0; i < 5; ++i) {
    const answer = await http.send('POST', {socketPath: proxy.socket, path: target}, '{}', headers);
    assert.equal(answer.status, 200);
  }
  await sink.receives(5);
  for (const record of sink.records) {
    assert.equal(record.headers['x-kept'], 'yes');
    for (const name of ['x-forwarded-for', 'forwarded'])
      assert.equal(record.headers[name], undefined, name);
  }
});

test('a compressed body is looked into and delivered as it came', async (t) => {
  const daemon = await scratch.daemon(t);
  const events = [byPath('opened', '$Event{action}', {action: 'opened'})];
  const {sink, link} = await registered(t, daemon, events);
  const http = scratch.client(t);
  const headers = {'content-type': 'application/json', 'content-encoding': 'gzip'};
  const body = gzipSync(JSON.stringify({action: 'opened', more: 'x'.repeat(5000)}));
  assert.equal((await http.send('POST', link, body, headers)).status, 200);
  await sink.receives(1);
  assert.equal(sink.records[0].sha256, sha256(body));
  assert.equal(sink.records[0].headers['content-encoding'], 'gzip');
  assert.equal((await http.send('POST', link, '{}', headers)).status, 400);
  const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024, 'x'));
  const refused = await http.send('POST', link, bomb, headers);
  assert.equal(refused.status, 413);
  assert.match(JSON.parse(refused.body).detail, /decompressed/);
});
