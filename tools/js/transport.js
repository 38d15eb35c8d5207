// SPDX-License-Identifier: Apache-2.0
// @ts-check
// How calls get to the server and back: addresses, headers, one repeat, errors.
import {HeadraceError, invalid, refusal, unanswered} from './error.js';

/** @typedef {import('./types.js').Query} Query */
/** @typedef {{query?: Query, body?: unknown, revision?: number}} Parts */

const BASE_URL = 'http://127.0.0.1:8081';
const TIMEOUT_MS = 30_000;  // above the 10 s for which enabling waits for providers
const KEY = /^[\x21-\x7e]+$/;

// A path with each value as one segment of it: path`/v1/apps/${app}`.
/**
 * @param {TemplateStringsArray} texts
 * @param {...string} names
 */
export function path(texts, ...names) {
  const segments = names.map((name) => {
    // A dot segment would be another path.
    if (typeof name !== 'string' || /^\.{0,2}$/.test(name))
      throw invalid(`a tag or id is missing in ${texts.join('…')}`);
    return encodeURIComponent(name);
  });
  return String.raw({raw: texts}, ...segments);
}

// The app or the product that calls mean when they name none.
export class Scope {
  #kind;
  /** @type {string | undefined} */
  #tag;

  /**
   * @param {string} kind
   * @param {string} [tag]
   */
  constructor(kind, tag) {
    this.#kind = kind;
    if (tag !== undefined) this.set(tag);
  }

  /** @param {string} tag */
  set(tag) {
    if (typeof tag !== 'string' || tag === '') throw invalid(`${this.#kind}.init() needs a tag`);
    this.#tag = tag;
  }

  // `given`, or what was set.
  /**
   * @param {string} [given]
   * @returns {string}
   */
  tag(given) {
    const tag = given ?? this.#tag;
    if (tag !== undefined) return tag;
    const kind = this.#kind;
    throw invalid(`which ${kind}? Call ${kind}.init(tag), or give the option "${kind}"`);
  }
}

export class Transport {
  // Private, so that nobody prints the key with the client.
  #base;
  #headers;
  #fetch;
  #timeout;

  /** @param {import('./types.js').Options} options */
  constructor(options) {
    const {private_key, accessKey, baseUrl, workspace_id, checkWorkspace = true} = options ?? {};
    this.#base = baseOf(baseUrl);
    this.#headers = {
      authorization: `Bearer ${keyOf(private_key ?? accessKey)}`,
      ...(workspace_id && checkWorkspace ? {'headrace-workspace': workspaceOf(workspace_id)} : {}),
    };
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#timeout = options.timeout ?? TIMEOUT_MS;
  }

  /**
   * @param {string} path
   * @param {Query} [query]
   */
  get(path, query) {
    return this.#call('GET', path, {query});
  }

  /**
   * @param {string} path
   * @param {unknown} body
   * @param {Parts} [parts]
   */
  post(path, body, parts) {
    return this.#call('POST', path, {...parts, body});
  }

  /**
   * @param {string} path
   * @param {unknown} body
   * @param {Parts} [parts]
   */
  put(path, body, parts) {
    return this.#call('PUT', path, {...parts, body});
  }

  /**
   * @param {string} path
   * @param {unknown} body
   * @param {Parts} [parts]
   */
  patch(path, body, parts) {
    return this.#call('PATCH', path, {...parts, body});
  }

  /**
   * @param {string} path
   * @param {import('./types.js').DeleteOptions} [options]
   * @returns {Promise<void>}
   */
  async delete(path, {cascade, revision} = {}) {
    await this.#call('DELETE', path, {query: {cascade: cascade || undefined}, revision});
  }

  // Every item of a list, page after page.
  /**
   * @param {string} path
   * @param {Query} [query]
   * @returns {AsyncGenerator<any, void>}
   */
  async * list(path, query) {
    let cursor = query?.cursor;
    do {
      const page = await this.get(path, {...query, cursor});
      yield* page.data;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * @param {string} path
   * @param {Query} [query]
   * @returns {Promise<any[]>}
   */
  async all(path, query) {
    const items = [];
    for await (const item of this.list(path, query)) items.push(item);
    return items;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Parts} parts
   */
  async #call(method, path, parts) {
    const call = `${method} ${path}`;
    const url = this.#base + path + queryText(parts.query);
    const request = this.#request(method, parts);
    const {response, text} = await this.#send(call, url, request);
    if (!response.ok) throw refusal(call, response, text);
    if (response.status === 204) return undefined;
    return parse(call, response, text);
  }

  /**
   * @param {string} method
   * @param {Parts} parts
   * @returns {RequestInit}
   */
  #request(method, {body, revision}) {
    /** @type {Record<string, string>} */
    const headers = {...this.#headers, accept: 'application/json'};
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method === 'POST') headers['idempotency-key'] = globalThis.crypto.randomUUID();
    if (revision !== undefined) headers['if-match'] = `"${revision}"`;
    // A redirect is no answer of this server's, and the key is for nobody else.
    return {method, headers, body: JSON.stringify(body), redirect: 'manual'};
  }

  // Once more after a failed connection where that is safe: a GET changes nothing, and the server
  // knows a repeated POST by its key.
  /**
   * @param {string} call
   * @param {string} url
   * @param {RequestInit} request
   */
  async #send(call, url, request) {
    const isSafe = request.method === 'GET' || request.method === 'POST';
    try {
      return await this.#attempt(call, url, request);
    } catch (error) {
      const isRepeated = isSafe && error instanceof HeadraceError && error.code === 'unreachable';
      if (!isRepeated) throw error;
      return this.#attempt(call, url, request);
    }
  }

  /**
   * @param {string} call
   * @param {string} url
   * @param {RequestInit} request
   */
  async #attempt(call, url, request) {
    const timeout = this.#timeout;
    try {
      const send = this.#fetch;  // not as a method: a browser's must not be one
      const response = await send(url, {...request, signal: AbortSignal.timeout(timeout)});
      return {response, text: await response.text()};
    } catch (error) {
      throw unanswered(call, error, {origin: new URL(url).origin, timeout});
    }
  }
}

/** @param {string} [given] */
function baseOf(given) {
  const text = given ?? globalThis.process?.env?.HEADRACE_URL ?? BASE_URL;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw invalid('baseUrl must be http://HOST[:PORT][/PATH] or https://…');
  if (url.username || url.password) throw invalid('baseUrl must hold no credentials');
  return url.href.replace(/\/+$/, '');
}

// Refused here, as a header's own complaint would quote it.
/** @param {string} [key] */
function keyOf(key) {
  if (typeof key !== 'string' || key === '') throw invalid('private_key or accessKey is missing');
  if (!KEY.test(key)) throw invalid('the key has characters that no key has');
  return key;
}

/** @param {string} tag */
function workspaceOf(tag) {
  if (typeof tag !== 'string' || !KEY.test(tag)) throw invalid('workspace_id is no workspace tag');
  return tag;
}

/** @param {Query} [query] */
function queryText(query) {
  const pairs = Object.entries(query ?? {})
                    .filter(([, value]) => value !== undefined && value !== null)
                    .map(([name, value]) => [name, String(value)]);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

/**
 * @param {string} call
 * @param {Response} response
 * @param {string} text
 */
function parse(call, response, text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new HeadraceError(`${call} was answered ${response.status}, but not in JSON`, {
      code: 'unexpected_answer',
      status: response.status,
      requestId: response.headers.get('x-request-id'),
    });
  }
}
