// SPDX-License-Identifier: Apache-2.0
// Other people's programs around the daemon: reverse proxies in the foreground, and curl.
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';

import {Client} from './http.mjs';
import {until, within} from './wait.mjs';

const PLACES = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

export function find(program) {
  const place = PLACES.find((folder) => folder !== '' && existsSync(path.join(folder, program)));
  if (place === undefined) throw new Error(`${program} is not installed; tools/setup installs it`);
  return path.join(place, program);
}

// They listen on a UNIX socket in `folder`, or on a socket that they inherit, so that no port has to
// be guessed.
const PROXIES = {
  haproxy: {
    configuration: ({socket, upstream}) => `
global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind unix@${socket}
  default_backend headrace
backend headrace
  http-reuse always
  server one ${upstream}
`,
    args: (file) => ['-db', '-q', '-f', file],
  },
  haproxy_tcp: {
    program: 'haproxy',
    configuration: ({upstream}) => `
global
  maxconn 256
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind fd@3
  default_backend headrace
backend headrace
  server one ${upstream} send-proxy-v2
`,
    args: (file) => ['-db', '-q', '-f', file],
  },
  nginx: {
    configuration: ({socket, upstream, folder}) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  client_max_body_size 2m;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream headrace { server ${upstream}; keepalive 8; }
  server {
    listen unix:${socket};
    location / {
      proxy_pass http://headrace;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For "203.0.113.7";
      proxy_request_buffering off;
    }
  }
}
`,
    args: (file, folder) => ['-p', folder, '-c', file],
  },
};

// Runs a proxy of that name in front of `upstream` ("host:port"); answers {socket, address, end}.
// `listener`: a net.Server for one that inherits it; it is closed here and its address answered.
export async function startProxy(name, {folder, upstream, listener = null}) {
  const {configuration, args, program = name} = PROXIES[name];
  const socket = path.join(folder, `${name}.sock`);
  const file = path.join(folder, `${name}.conf`);
  await writeFile(file, configuration({socket, upstream, folder}));
  const inherited = listener === null ? [] : [listener._handle.fd];
  const child =
      spawn(find(program), args(file, folder), {stdio: ['ignore', 'ignore', 'pipe', ...inherited]});
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = once(child, 'exit');
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  if (listener !== null) {
    const {address, port} = listener.address();
    listener.close();
    return {address: `${address}:${port}`, end};
  }
  try {
    await until(() => isServing(socket), {what: () => `${name} does not serve: ${errors}`});
  } catch (error) {
    await end();
    throw error;
  }
  return {socket, end};
}

async function isServing(socketPath) {
  const client = new Client();
  try {
    const {status} = await client.send('GET', {socketPath, path: '/in/nothing'});
    return status === 404;
  } finally {
    client.close();
  }
}

// Runs curl; answers {status, text} where text is what it wrote to standard output.
export async function curl(args) {
  const child = spawn(
      find('curl'),
      ['--silent', '--show-error', '--max-time', '30', '--write-out', '\n%{http_code}', ...args],
      {stdio: ['ignore', 'pipe', 'pipe']});
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [code] = await within(40, 'curl runs', once(child, 'close'));
  const end = out.lastIndexOf('\n');
  return {code, status: Number(out.slice(end + 1)), text: out.slice(0, end), errors};
}
