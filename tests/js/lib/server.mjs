// SPDX-License-Identifier: Apache-2.0
// A server on loopback in the management API's place: keeps what it is asked, answers as told.
import {once} from 'node:events';
import http from 'node:http';

import {atEnd} from '../../integration/lib/scratch.mjs';

// `answer(request, number)`: {status, headers, body (JSON)}, or null to cut the connection, or
// undefined to answer never. Answers {url, requests}; a request is {method, url, headers, body}.
export async function startServer(t, answer = () => ({status: 200, body: {}})) {
  const requests = [];
  const server = http.createServer(async (incoming, response) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const {method, url, headers} = incoming;
    const request = {method, url, headers, body: text === '' ? undefined : JSON.parse(text)};
    requests.push(request);
    const reply = answer(request, requests.length);
    if (reply === null) incoming.socket.destroy();
    if (reply) send(response, reply);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return {url: `http://127.0.0.1:${server.address().port}`, requests};
}

function send(response, {status = 200, headers = {}, body, text}) {
  const bytes = text ?? (body === undefined ? '' : JSON.stringify(body));
  const type = status < 300 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, {'content-type': type, ...headers});
  response.end(bytes);
}
