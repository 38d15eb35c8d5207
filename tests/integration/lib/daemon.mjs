// SPDX-License-Identifier: Apache-2.0
// One headrace process: started on free ports, watched, ended by its handle.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import readline from 'node:readline';
import {fileURLToPath} from 'node:url';

import {Api} from './http.mjs';
import {within} from './wait.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const START_SECONDS = 60;  // a sanitizer build that replays a log is slow
const LINES_KEPT = 400;

// Receivers of tests are on loopback and speak plain HTTP; no name is asked for outside of it.
const LOOPBACK = [
  '--endpoint-allow', '127.0.0.0/8,::1', '--plain-http-endpoints', 'true', '--dns-servers',
  '127.0.0.1:1'
];

// What is run: HEADRACE_BINARY, or the release build of this checkout.
export const BINARY =
    process.env.HEADRACE_BINARY ?? path.join(ROOT, 'build/release/tools/headrace');

// This environment without the settings of a daemon that the caller may run himself.
export function cleanEnvironment(extra = {}) {
  const own = Object.entries(process.env).filter(([name]) => !/^HEADRACE_(?!BINARY)/.test(name));
  return {...Object.fromEntries(own), ...extra};
}

export class Daemon {
  #child;
  #lines = [];

  // Starts `headrace serve` and waits until it serves. `args` come after the defaults, so they win.
  // `files`: how many files and sockets it may have open.
  static async start({data, args = [], env = {}, bare = false, files = null}) {
    const daemon = new Daemon(
        data,
        bare ? args :
               [
                 'serve',
                 '--data',
                 data,
                 '--listen',
                 '127.0.0.1:0',
                 '--api-listen',
                 '127.0.0.1:0',
                 ...LOOPBACK,
                 ...args,
               ],
        env, files);
    try {
      await within(
          START_SECONDS, () => `the daemon does not serve\n${daemon.log()}`, daemon.serving);
    } catch (error) {
      await daemon.kill();
      throw error;
    }
    const key = await readFile(path.join(data, 'admin.key'), 'utf8');
    daemon.api = new Api(`http://${daemon.apiAddress}`, key.trim());
    return daemon;
  }

  constructor(data, args, env, files = null) {
    this.data = data;
    const limited = ['prlimit', `--nofile=${files}`, BINARY];
    const [program, ...before] = files === null ? [BINARY] : limited;
    this.#child = spawn(
        program, [...before, ...args],
        {env: cleanEnvironment(env), stdio: ['ignore', 'ignore', 'pipe']});
    this.pid = this.#child.pid;
    this.exited = once(this.#child, 'exit').then(([code, signal]) => ({code, signal}));
    this.exited.catch(() => {});
    this.serving = this.#watch();
    this.serving.catch(() => {});
  }

  #watch() {
    const lines = readline.createInterface({input: this.#child.stderr});
    return new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        this.#lines.push(line);
        if (this.#lines.length > LINES_KEPT) this.#lines.shift();
        const entry = parseLine(line);
        if (entry?.event !== 'serving') return;
        this.ingestAddress = entry.ingest;
        this.apiAddress = entry.api;
        resolve();
      });
      this.#child.on('error', reject);
      this.#child.on('exit', (code, signal) => {
        reject(new Error(`the daemon ended (${code ?? signal}) before it served\n${this.log()}`));
      });
    });
  }

  // Its last log lines.
  log() {
    return this.#lines.join('\n');
  }

  // The address, on this start's port, of a link that an earlier start may have given out.
  linkUrl(link) {
    return `http://${this.ingestAddress}${new URL(link).pathname}`;
  }

  terminate() {
    this.#child.kill('SIGTERM');
  }

  // Ends it as an operator does; answers the exit code.
  async stop(seconds = 60) {
    this.api?.close();
    this.terminate();
    const {code, signal} = await within(
        seconds, () => `the daemon does not end after SIGTERM\n${this.log()}`, this.exited);
    return code ?? signal;
  }

  // Ends it as a power cut does.
  async kill() {
    this.api?.close();
    this.#child.kill('SIGKILL');
    if (this.pid !== undefined) await this.exited;
  }

  // A figure of /proc/PID/status in bytes: VmRSS now, VmHWM at most so far.
  async memory(name) {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) * 1024;
  }
}

// Runs the binary to its end: {code, stdout, stderr}.
export async function run(args, {env = {}, seconds = 30} = {}) {
  const child =
      spawn(BINARY, args, {env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe']});
  const text = {stdout: '', stderr: ''};
  for (const name of ['stdout', 'stderr'])
    child[name].on('data', (chunk) => {
      text[name] += chunk;
    });
  try {
    const [code] = await within(seconds, `headrace ${args.join(' ')} runs`, once(child, 'close'));
    return {code, ...text};
  } finally {
    child.kill('SIGKILL');
  }
}

function parseLine(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
