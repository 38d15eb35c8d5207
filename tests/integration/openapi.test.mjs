// SPDX-License-Identifier: Apache-2.0
// The document that the daemon serves: valid OpenAPI 3.1 by another program's rules.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

import {OpenApi} from './lib/openapi.mjs';
import * as scratch from './lib/scratch.mjs';
import {closedPort} from './lib/sink.mjs';

const LINTER = fileURLToPath(new URL('../node_modules/@redocly/cli/bin/cli.js', import.meta.url));

// Its own rules at their strictest. Whatever it may want from elsewhere leads to a closed port.
async function lint(t, file) {
  const nowhere = `http://127.0.0.1:${await closedPort()}`;
  const folder = await scratch.folder(t);
  const config = path.join(folder, 'redocly.yaml');
  await writeFile(config, 'extends: [recommended-strict]\ntelemetry: off\n');
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    REDOCLY_TELEMETRY: 'off',
    REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
  };
  const args = [LINTER, 'lint', file, '--config', config, '--format', 'json'];
  try {
    const {stdout} =
        await promisify(execFile)(process.execPath, args, {env, cwd: folder, timeout: 120_000});
    return JSON.parse(stdout).problems;
  } catch (error) {
    if (!error.stdout) throw error;
    return JSON.parse(error.stdout).problems;
  }
}

test(
    'the document has no fault that a linter knows, and the linter finds one that is made',
    async (t) => {
      const daemon = await scratch.daemon(t);
      const answer = await daemon.api.call('GET', '/openapi.json');
      assert.equal(answer.status, 200);
      const file = path.join(await scratch.folder(t), 'openapi.json');
      await writeFile(file, JSON.stringify(answer.body));
      assert.deepEqual(await lint(t, file), []);
      delete answer.body.paths['/v1/apps'].get.operationId;
      await writeFile(file, JSON.stringify(answer.body));
      assert.equal((await lint(t, file))[0].ruleId, 'operation-operationId');
    });

test('every schema of the document compiles in strict mode', async (t) => {
  const daemon = await scratch.daemon(t);
  const {body} = await daemon.api.call('GET', '/openapi.json');
  const api = new OpenApi(body);
  for (const name of Object.keys(body.components.schemas))
    api.validator({$ref: `#/components/schemas/${name}`});
});
