// SPDX-License-Identifier: Apache-2.0
// A process of clients that begin requests and hardly go on: `node slow_clients.mjs HOST:PORT TARGET
// COUNT`. Half of them dribble a head, half a body; whoever is closed comes again. Says "ready" once
// all have been connected, and ends with its standard input.
import net from 'node:net';

const [, , address, target, count] = process.argv;
const [host, port] = address.split(':');
const BYTE_MS = 1000;  // between two bytes of one client
const STEPS = 50;      // not all of them at once
const BATCH = 200;     // connecting at a time

const slots = new Array(Number(count)).fill(null);
let connected = 0, open = 0, refused = 0;

function connect(slot, done) {
  const socket = net.connect({host, port: Number(port)});
  slots[slot] = null;
  socket.on('connect', () => {
    slots[slot] = socket;
    ++connected;
    ++open;
    socket.write(slot % 2 === 0 ?
        `POST ${target} HTTP/1.1\r\nHost: a\r\nX-Slow: ` :
        `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{`);
    done?.();
  });
  socket.on('data', () => ++refused);
  socket.on('error', () => {});
  socket.on('close', () => {
    if (slots[slot] === socket) --open;
    slots[slot] = null;
    setTimeout(() => connect(slot), BYTE_MS / 2);
  });
}

async function connectAll() {
  for (let at = 0; at < slots.length; at += BATCH) {
    const size = Math.min(BATCH, slots.length - at);
    await Promise.all(
        Array.from({length: size}, (_, i) => new Promise((done) => connect(at + i, done))));
  }
}

let step = 0;
setInterval(() => {
  for (let slot = step; slot < slots.length; slot += STEPS) slots[slot]?.write('x');
  step = (step + 1) % STEPS;
}, BYTE_MS / STEPS);

process.stdin.resume();
process.stdin.on('end', () => {
  process.stdout.write(`${JSON.stringify({connected, open, refused})}\n`, () => process.exit(0));
});
await connectAll();
process.stdout.write('ready\n');
