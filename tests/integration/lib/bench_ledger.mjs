// SPDX-License-Identifier: Apache-2.0
// Starts `headrace bench sink`, posts to it, and runs other commands below `headrace bench`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';

const binary = process.env.HEADRACE_BINARY;

export async function startSink(...flags) {
  const child = spawn(binary, ['bench', 'sink', '--json', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { listening } = JSON.parse((await lines.next()).value);
  return {
    urls: listening,
    pid: child.pid,
    async stop(signal = 'SIGTERM') {
      const exited = once(child, 'exit');
      child.kill(signal);
      const last = await lines.next();
      const [code] = await exited;
      return { code, counts: last.done ? undefined : JSON.parse(last.value) };
    },
  };
}

export function bench(...args) {
  return spawnSync(binary, ['bench', ...args], { encoding: 'utf8' });
}

// One request; the status, or the code of the error that came instead.
export function post(url, body, headers = {}) {
  return new Promise((resolve) => {
    const request = http.request(url, { method: 'POST', headers, agent: false }, (response) => {
      response.on('error', (error) => resolve(error.code));
      response.on('end', () => resolve(response.statusCode));
      response.resume();
    });
    request.on('error', (error) => resolve(error.code));
    request.end(body);
  });
}
