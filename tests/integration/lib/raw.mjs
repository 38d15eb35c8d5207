// SPDX-License-Identifier: Apache-2.0
// Bytes on a socket: for what no HTTP client would send.
import {once} from 'node:events';
import net from 'node:net';

import {within} from './wait.mjs';

const SECONDS = 20;

export class RawConnection {
  #text = '';

  // `address`: "host:port".
  static async open(address) {
    const [host, port] = address.split(':');
    const connection = new RawConnection();
    connection.socket = net.connect({host, port: Number(port)});
    connection.socket.setEncoding('latin1');
    connection.closed = once(connection.socket, 'close');
    connection.socket.on('error', () => {});
    connection.socket.on('data', (text) => {
      connection.#text += text;
      connection.socket.emit('grown');
    });
    await once(connection.socket, 'connect');
    return connection;
  }

  write(bytes) {
    this.socket.write(bytes, 'latin1');
  }

  // The answers so far: [{status, head, body}]. Bodies are framed by Content-Length; `bodiless`:
  // how many answers, from the first, have none whatever their head says (they answer HEAD).
  answers(bodiless = 0) {
    const found = [];
    let rest = this.#text;
    for (;;) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return found;
      const head = rest.slice(0, end + 2);
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
      const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      const size = status < 200 || found.length < bodiless ? 0 : length;
      if (rest.length < end + 4 + size) return found;
      found.push({status, head, body: rest.slice(end + 4, end + 4 + size)});
      rest = rest.slice(end + 4 + size);
    }
  }

  // Waits for that many answers.
  async answered(count, bodiless = 0) {
    const enough = (async () => {
      while (this.answers(bodiless).length < count) await once(this.socket, 'grown');
    })();
    const what = () => `${count} answers were expected, this came: ${JSON.stringify(this.#text)}`;
    await within(SECONDS, what, Promise.race([
      enough, this.closed.then(() => {
        if (this.answers(bodiless).length < count) throw new Error(`closed; ${what()}`);
      })
    ]));
    return this.answers(bodiless);
  }

  // Waits until the peer has closed, and returns all answers.
  async ended() {
    await within(
        SECONDS, () => `the connection is open; this came: ${JSON.stringify(this.#text)}`,
        this.closed);
    return this.answers();
  }

  close() {
    this.socket.destroy();
  }
}
