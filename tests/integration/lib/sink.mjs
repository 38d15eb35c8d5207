// SPDX-License-Identifier: Apache-2.0
// An endpoint: a real HTTP server on loopback that keeps what it got and answers as it is told.
import {createHash} from 'node:crypto';
import {EventEmitter, once} from 'node:events';
import http from 'node:http';

import {within} from './wait.mjs';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

export class Sink extends EventEmitter {
  // `keep(request, body)`: what is remembered of a request; by default its message id, its headers
  // and body. `answer(record, request)`: the status to answer with, or a promise of it. `path`: of
  // its URL.
  static async start({port = 0, path = '/hook', keep = keepAll, answer = () => 200} = {}) {
    const sink = new Sink();
    sink.records = [];
    sink.answer = answer;
    sink.server = http.createServer((request, response) => sink.#receive(request, response, keep));
    sink.server.keepAliveTimeout = 0;  // the client decides
    sink.server.requestTimeout = 0;
    sink.server.listen(port, '127.0.0.1');
    await once(sink.server, 'listening');
    sink.port = sink.server.address().port;
    sink.url = `http://127.0.0.1:${sink.port}${path}`;
    return sink;
  }

  #receive(request, response, keep) {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('end', async () => {
      const record = keep(request, Buffer.concat(chunks));
      this.records.push(record);
      this.emit('record', record);
      const status = await this.answer(record, request);
      if (status === null) response.destroy();
      if (response.destroyed) return;
      response.on('finish', () => this.emit('answered', record, status));
      const text = status < 300 ? 'ok\n' : `no: ${status}\n`;
      response.writeHead(status, {'content-type': 'text/plain', 'content-length': text.length});
      response.end(text);
    });
  }

  // Waits until `isDone()` holds; it is looked at after each request and each answer.
  async reaches(isDone, {what, seconds = 60}) {
    let look;
    const done = new Promise((resolve) => {
      look = () => {
        if (isDone()) resolve();
      };
      for (const event of ['record', 'answered']) this.on(event, look);
      look();
    });
    try {
      await within(seconds, what, done);
    } finally {
      for (const event of ['record', 'answered']) this.off(event, look);
    }
  }

  async receives(count, seconds = 60) {
    await this.reaches(
        () => this.records.length >= count,
        {what: () => `the sink has ${this.records.length} of ${count} requests`, seconds});
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function keepAll(request, body) {
  return {
    message: request.headers['webhook-id'],
    method: request.method,
    url: request.url,
    headers: request.headers,
    sha256: sha256(body),
    body,
  };
}

// The URL of a port on loopback where nobody listens now.
export async function closedPort() {
  const server = http.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
