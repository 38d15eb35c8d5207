// SPDX-License-Identifier: Apache-2.0
// A dispatcher in place of the daemon that does its job but for one planted fault. It has as much of
// the management API as a run needs, and forwards messages to the one endpoint that it was told.
//
// FAULT: none, drop, twice or flip; of the message that carries the number FAULTY.
import {mkdir, writeFile} from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import {parseArgs} from 'node:util';

const {FAULT = 'none', FAULTY = '0'} = process.env;
const text = {type: 'string'};
const {values} = parseArgs({
  strict: false,
  args: process.argv.slice(3),
  options: {data: text, listen: text, 'api-listen': text},
});
const agent = new http.Agent({keepAlive: true, maxSockets: 64});
let endpoint;
let accepted = 0;
let ended = 0;

const readAll = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

const deliver = (id, body) => new Promise((resolve, reject) => {
  const headers = {'bench-message': id, 'content-length': body.length};
  const request = http.request(endpoint, {method: 'POST', agent, headers}, (answer) => {
    answer.on('end', resolve).resume();
  });
  request.on('error', reject).end(body);
});

async function dispatch(id, body) {
  const isFaulty = id.endsWith(`-${FAULTY}`);
  if (isFaulty && FAULT === 'flip') body[body.length - 2] ^= 1;
  if (!isFaulty || FAULT !== 'drop') await deliver(id, body);
  if (isFaulty && FAULT === 'twice') await deliver(id, body);
  ++ended;
}

const listen = (address, handle) => {
  const [host, port] = address.split(':');
  http.createServer(handle).listen(Number(port), host);
};

listen(values.listen, async (request, response) => {
  const body = await readAll(request);
  ++accepted;
  response.end('{}');
  await dispatch(request.headers['bench-message'], body);
});

listen(values['api-listen'], async (request, response) => {
  const asked = (await readAll(request)).toString();
  if (request.url === '/metrics') {
    response.end(
        `headrace_ingest_accepted_total ${accepted}\n` +
        `headrace_deliveries_total{outcome="delivered"} ${ended}\n` +
        `headrace_attempts_total ${ended}\nheadrace_store_outcomes_total ${ended}\n`);
    return;
  }
  if (request.url.endsWith('/links')) endpoint = JSON.parse(asked).url;
  response.statusCode = 201;
  response.end(JSON.stringify({link: '/in/token'}));
});

process.on('SIGTERM', () => process.exit(0));
await mkdir(values.data, {recursive: true});
await writeFile(path.join(values.data, 'admin.key'), 'key');
console.error(JSON.stringify({event: 'serving', version: 'faulty'}));
