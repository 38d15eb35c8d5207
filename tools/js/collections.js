// SPDX-License-Identifier: Apache-2.0
// @ts-check
// What has an id: links, endpoints, keys, and the record of what happened.
import {path} from './transport.js';

/** @typedef {import('./transport.js').Transport} Transport */
/** @typedef {import('./transport.js').Scope} Scope */
/** @typedef {import('./types.js').ChangeOptions} ChangeOptions */
/** @typedef {import('./types.js').DeleteOptions} DeleteOptions */
/** @typedef {import('./types.js').LinkFilter} LinkFilter */
/** @typedef {import('./types.js').ProductName} ProductName */
/** @typedef {import('./types.js').Link} Link */
/** @typedef {import('./types.js').Endpoint} Endpoint */
/** @typedef {import('./types.js').Key} Key */

export class Links {
  #transport;
  #product;

  /**
   * @param {Transport} transport
   * @param {Scope} product
   */
  constructor(transport, product) {
    this.#transport = transport;
    this.#product = product;
  }

  // The product's link for a webhook and env, or for an event; with `url`, its endpoint is made or
  // changed, too.
  /**
   * @param {ProductName & import('./types.js').LinkSpec} spec
   * @returns {Promise<Link & {endpoint: string | null, link: string}>}
   */
  async create({product, product_tag, ...spec}) {
    const tag = this.#product.tag(product ?? product_tag);
    return this.#transport.post(path`/v1/products/${tag}/links`, spec);
  }

  /**
   * @param {LinkFilter} [filter]
   * @returns {AsyncGenerator<Link, void>}
   */
  list(filter) {
    return this.#transport.list('/v1/links', filter);
  }

  /**
   * @param {string} id
   * @returns {Promise<Link>}
   */
  async get(id) {
    return this.#transport.get(path`/v1/links/${id}`);
  }

  // A new address; the old one works for `grace` ("24h" unless given).
  /**
   * @param {string} id
   * @param {ChangeOptions & {grace?: string | number}} [options]
   * @returns {Promise<Link>}
   */
  async rotate(id, {grace, revision} = {}) {
    return this.#transport.post(path`/v1/links/${id}/rotate`, {grace}, {revision});
  }

  /**
   * @param {string} id
   * @param {DeleteOptions} [options]
   */
  async delete(id, options) {
    return this.#transport.delete(path`/v1/links/${id}`, options);
  }
}

export class Endpoints {
  #transport;
  #product;

  /**
   * @param {Transport} transport
   * @param {Scope} product
   */
  constructor(transport, product) {
    this.#transport = transport;
    this.#product = product;
  }

  /**
   * @param {ProductName & import('./types.js').EndpointSpec} spec
   * @returns {Promise<Endpoint>}
   */
  async create({product, product_tag, ...spec}) {
    const tag = this.#product.tag(product ?? product_tag);
    return this.#transport.post(path`/v1/products/${tag}/endpoints`, spec);
  }

  /**
   * @param {LinkFilter} [filter]
   * @returns {AsyncGenerator<Endpoint, void>}
   */
  list(filter) {
    return this.#transport.list('/v1/endpoints', filter);
  }

  /**
   * @param {string} id
   * @returns {Promise<Endpoint>}
   */
  async get(id) {
    return this.#transport.get(path`/v1/endpoints/${id}`);
  }

  /**
   * @param {string} id
   * @param {import('./types.js').EndpointSettings} part
   * @param {ChangeOptions} [options]
   * @returns {Promise<Endpoint>}
   */
  async update(id, part, options) {
    return this.#transport.patch(path`/v1/endpoints/${id}`, part, options);
  }

  /**
   * @param {string} id
   * @param {DeleteOptions} [options]
   */
  async delete(id, options) {
    return this.#transport.delete(path`/v1/endpoints/${id}`, options);
  }

  // Whether it takes and delivers; each answers the endpoint as it is then.

  /**
   * @param {string} id
   * @returns {Promise<Endpoint>}
   */
  async pause(id) {
    return this.#transport.post(path`/v1/endpoints/${id}/pause`);
  }

  /**
   * @param {string} id
   * @returns {Promise<Endpoint>}
   */
  async resume(id) {
    return this.#transport.post(path`/v1/endpoints/${id}/resume`);
  }

  /**
   * @param {string} id
   * @returns {Promise<Endpoint>}
   */
  async drain(id) {
    return this.#transport.post(path`/v1/endpoints/${id}/drain`);
  }

  /**
   * @param {string} id
   * @returns {Promise<Endpoint>}
   */
  async disable(id) {
    return this.#transport.post(path`/v1/endpoints/${id}/disable`);
  }

  /**
   * Gives up all that waits for it.
   * @param {string} id
   * @returns {Promise<{discarded: number}>}
   */
  async discard(id) {
    return this.#transport.post(path`/v1/endpoints/${id}/discard`);
  }

  // Sends it a test message.
  /**
   * @param {string} id
   * @param {import('./types.js').TestMessage & {event?: string}} [message]
   * @returns {Promise<import('./types.js').TestSend>}
   */
  async test(id, message = {}) {
    return this.#transport.post(path`/v1/endpoints/${id}/test`, message);
  }
}

// Messages, deliveries or attempts, the newest message first.
/** @template Item */
export class History {
  #transport;
  #collection;

  /**
   * @param {Transport} transport
   * @param {'messages' | 'deliveries' | 'attempts' | 'jobs' | 'dead-letters'} collection
   */
  constructor(transport, collection) {
    this.#transport = transport;
    this.#collection = collection;
  }

  /**
   * @param {import('./types.js').HistoryFilter} [filter]
   * @returns {AsyncGenerator<Item, void>}
   */
  list(filter) {
    return this.#transport.list(`/v1/${this.#collection}`, filter);
  }
}

/** @extends {History<import('./types.js').Message>} */
export class Messages extends History {
  #transport;

  /** @param {Transport} transport */
  constructor(transport) {
    super(transport, 'messages');
    this.#transport = transport;
  }

  // One with its method, query, headers and body.
  /**
   * @param {string} id
   * @returns {Promise<import('./types.js').MessageDetail>}
   */
  async get(id) {
    return this.#transport.get(path`/v1/messages/${id}`);
  }

  // Erases it for good.
  /** @param {string} id */
  async delete(id) {
    return this.#transport.delete(path`/v1/messages/${id}`);
  }
}

export class Keys {
  #transport;

  /** @param {Transport} transport */
  constructor(transport) {
    this.#transport = transport;
  }

  // Its `secret` is in this answer and never again.
  /**
   * @param {{name: string, scopes: ('read' | 'write' | 'replay' | 'admin')[],
   *     expires_at?: string}} spec
   * @returns {Promise<Key & {secret: string}>}
   */
  async create(spec) {
    return this.#transport.post('/v1/keys', spec);
  }

  /** @returns {AsyncGenerator<Key, void>} */
  list() {
    return this.#transport.list('/v1/keys');
  }

  /**
   * @param {string} id
   * @returns {Promise<Key>}
   */
  async get(id) {
    return this.#transport.get(path`/v1/keys/${id}`);
  }

  // Revokes it.
  /** @param {string} id */
  async delete(id) {
    return this.#transport.delete(path`/v1/keys/${id}`);
  }
}
