// SPDX-License-Identifier: Apache-2.0
// A small HTTP client over kept-alive connections: JSON calls to the management API, bytes to a
// link.
import http from 'node:http';

export class Client {
  // `connections`: how many at most at a time; the rest of the requests wait.
  constructor({connections = 8} = {}) {
    this.agent = new http.Agent({keepAlive: true, maxSockets: connections});
  }

  // Sends `body` (Buffer, string or null) and answers {status, headers, body: Buffer}. `target` is
  // a URL, or {socketPath, path} for a server on a UNIX socket.
  send(method, target, body = null, headers = {}) {
    const options = {method, headers: {...headers}, agent: this.agent};
    if (body !== null) options.headers['content-length'] = Buffer.byteLength(body);
    return new Promise((resolve, reject) => {
      const onAnswer = (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          resolve(
              {status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks)});
        });
      };
      const request = typeof target === 'string' ? http.request(target, options, onAnswer) :
                                                   http.request({...target, ...options}, onAnswer);
      request.on('error', reject);
      request.end(body);
    });
  }

  close() {
    this.agent.destroy();
  }
}

// The management API of one daemon. Each call answers {status, headers, body: parsed JSON or text}.
export class Api {
  constructor(baseUrl, key) {
    this.baseUrl = baseUrl;
    this.key = key;
    this.client = new Client();
  }

  async call(method, path, body) {
    const headers = this.key === null ? {} : {authorization: `Bearer ${this.key}`};
    if (body !== undefined) headers['content-type'] = 'application/json';
    const text = body === undefined ? null : JSON.stringify(body);
    const answer = await this.client.send(method, this.baseUrl + path, text, headers);
    const isJson = /[/+]json\b/.test(answer.headers['content-type'] ?? '');
    return {...answer, body: isJson ? JSON.parse(answer.body.toString()) : answer.body.toString()};
  }

  // The body of a call that must succeed.
  async expect(method, path, body) {
    const answer = await this.call(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }

  get(path) {
    return this.expect('GET', path);
  }

  post(path, body) {
    return this.expect('POST', path, body);
  }

  // All pages of a list.
  async all(path) {
    const items = [];
    let cursor = null;
    do {
      const joint = path.includes('?') ? '&' : '?';
      const page = await this.get(
          cursor === null ? path : `${path}${joint}cursor=${encodeURIComponent(cursor)}`);
      items.push(...page.data);
      cursor = page.next ?? null;
    } while (cursor !== null);
    return items;
  }

  close() {
    this.client.close();
  }
}
