// SPDX-License-Identifier: Apache-2.0
// The headrace command as people and scripts run it against one daemon.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import path from 'node:path';

import {BINARY, cleanEnvironment} from './daemon.mjs';
import * as scratch from './scratch.mjs';
import {within} from './wait.mjs';

const SECONDS = 60;

// Runs a program to its end, with `input` on its standard input: {code, stdout, stderr}.
export async function runProgram(program, args, {input = '', env = {}} = {}) {
  const child = spawn(program, args, {env: cleanEnvironment(env), stdio: 'pipe'});
  const text = {stdout: '', stderr: ''};
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8');
    child[name].on('data', (chunk) => {
      text[name] += chunk;
    });
  }
  child.stdin.on('error', () => {});  // it may end without having read everything
  child.stdin.end(input);
  try {
    const [code] = await within(SECONDS, `${program} ${args.join(' ')} runs`, once(child, 'close'));
    return {code, ...text};
  } finally {
    child.kill('SIGKILL');
  }
}

export class Cli {
  // `env`: what stands in for the connection's flags; {} leaves nothing.
  constructor(env) {
    this.env = env;
  }

  // A fresh daemon, a sink, and the command speaking to it by the operator's key.
  static async start(t, options = {}) {
    const daemon = await scratch.daemon(t, options);
    const cli = new Cli({
      HEADRACE_URL: `http://${daemon.apiAddress}`,
      HEADRACE_KEY_FILE: path.join(daemon.data, 'admin.key'),
    });
    cli.daemon = daemon;
    return cli;
  }

  run(args, {input, env = {}} = {}) {
    return runProgram(BINARY, args, {input, env: {...this.env, ...env}});
  }

  // The JSON that a command which must succeed prints; undefined when it prints nothing.
  async json(args, options) {
    const {code, stdout, stderr} = await this.run(args, options);
    assert.equal(code, 0, `headrace ${args.join(' ')}: ${stderr}`);
    return stdout === '' ? undefined : JSON.parse(stdout);
  }

  // What a command that must be refused says on standard error.
  async refused(args, code, options) {
    const result = await this.run(args, options);
    assert.equal(result.code, code, `headrace ${args.join(' ')}: ${result.stdout}${result.stderr}`);
    assert.equal(result.stdout, '');
    return result.stderr;
  }

  // Runs it on a terminal, on which `input` is typed: {code, stdout: what the terminal shows}.
  async onTerminal(args, {input = '', env = {}} = {}) {
    const command = [BINARY, ...args].map(quoted).join(' ');
    const result = await runProgram(
        'script', ['--quiet', '--return', '--echo', 'never', '--command', command, '/dev/null'],
        {input, env: {SHELL: '/bin/sh', TERM: 'xterm', ...this.env, ...env}});
    return {...result, stdout: result.stdout.replaceAll('\r\n', '\n')};
  }
}

export const quoted = (text) => `'${text.replaceAll('\'', `'\\''`)}'`;
