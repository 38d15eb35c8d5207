// SPDX-License-Identifier: Apache-2.0
// A long backlog costs disk, not memory: messages for an endpoint that is down are kept and, once
// it is up, delivered in the order of their arrival.
//
// HEADRACE_BACKLOG=200000 makes it the full-size run.
import assert from 'node:assert/strict';
import test from 'node:test';

import {byHeader, register} from './lib/github.mjs';
import * as scratch from './lib/scratch.mjs';
import {closedPort} from './lib/sink.mjs';

const MESSAGES = Number(process.env.HEADRACE_BACKLOG ?? 20000);
const BODY_BYTES = 7000;
const MEMORY_MAX = 300e6;
const CONNECTIONS = 32;
const SCHEDULE = Array(100).fill('3s');  // the outage outlasts no retry schedule

test(
    `${MESSAGES} messages wait for an endpoint that is down, in bounded memory, and come in order`,
    async (t) => {
      const daemon = await scratch.daemon(t);
      const port = await closedPort();
      const {link} = await register(daemon.api, {
        events: [byHeader('push')],
        url: `http://127.0.0.1:${port}/hook`,
        in_flight_max: 1,
        retry: {schedule: SCHEDULE},
      });
      const ids = await postAll(t, link);
      const whileDown = await daemon.memory('VmRSS');

      const sink = await scratch.sink(t, {port, keep: (request) => request.headers['webhook-id']});
      await sink.receives(MESSAGES, 60 + MESSAGES / 500);
      const peak = await daemon.memory('VmHWM');
      t.diagnostic(`resident: ${mb(whileDown)} MB with all waiting, ${mb(peak)} MB at most`);
      assert.equal(sink.records.length, MESSAGES, 'no duplicates');
      assert.deepEqual(sink.records, ids.sort(), 'message ids grow with the time of arrival');
      assert.ok(peak < MEMORY_MAX, `${mb(peak)} MB resident`);
      assert.equal(await daemon.stop(), 0);
    });

const mb = (bytes) => (bytes / 1e6).toFixed(0);

async function postAll(t, link) {
  const client = scratch.client(t, {connections: CONNECTIONS});
  const ids = [];
  let next = 0;
  const post = async () => {
    while (next < MESSAGES) {
      const number = next++;
      const body = JSON.stringify({number, fill: 'x'.repeat(BODY_BYTES - 20)});
      const answer = await client.send(
          'POST', link, body, {'x-github-event': 'push', 'content-type': 'application/json'});
      assert.equal(answer.status, 200, answer.body.toString());
      ids.push(JSON.parse(answer.body).id);
    }
  };
  await Promise.all(Array.from({length: CONNECTIONS}, post));
  return ids;
}
