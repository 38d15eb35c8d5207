// SPDX-License-Identifier: Apache-2.0
// @ts-check
// What an app emits: webhooks and their events.
import {path, Scope} from './transport.js';


/** @typedef {import('./types.js').ChangeOptions} ChangeOptions */
/** @typedef {import('./types.js').DeleteOptions} DeleteOptions */
/** @typedef {import('./types.js').Webhook} Webhook */
/** @typedef {import('./types.js').Event} Event */

export class Apps {
  #transport;
  #app;

  /**
   * @param {import('./transport.js').Transport} transport
   * @param {string} [tag]
   */
  constructor(transport, tag) {
    this.#transport = transport;
    this.#app = new Scope('app', tag);
    this.webhooks = new Webhooks(transport, this.#app);
  }

  // The app of all later calls.
  /** @param {string} tag */
  async init(tag) {
    this.#app.set(tag);
  }

  // Every app of the workspace: {tag, webhooks}.
  /** @returns {Promise<{tag: string, webhooks: number}[]>} */
  async fetchAll() {
    return this.#transport.all('/v1/apps');
  }

  // Deletes the app; with {cascade: true}, also what it has.
  /** @param {DeleteOptions} [options] */
  async delete(options) {
    return this.#transport.delete(path`/v1/apps/${this.#app.tag()}`, options);
  }
}

export class Webhooks {
  #transport;
  #app;

  /**
   * @param {import('./transport.js').Transport} transport
   * @param {Scope} app
   */
  constructor(transport, app) {
    this.#transport = transport;
    this.#app = app;
    this.events = new Events(transport, app);
  }

  /**
   * @param {import('./types.js').WebhookSpec} webhook
   * @returns {Promise<Webhook>}
   */
  async create(webhook) {
    return this.#transport.post(path`/v1/apps/${this.#app.tag()}/webhooks`, webhook);
  }

  // Changes what `part` names. Its envs merge by slug: others are kept.
  /**
   * @param {string} tag
   * @param {Partial<import('./types.js').WebhookSpec>} part
   * @param {ChangeOptions} [options]
   * @returns {Promise<Webhook>}
   */
  async update(tag, part, options) {
    return this.#transport.patch(this.#path(tag), part, options);
  }

  /** @returns {Promise<Webhook[]>} */
  async fetchAll() {
    return this.#transport.all(path`/v1/apps/${this.#app.tag()}/webhooks`);
  }

  /**
   * @param {string} tag
   * @returns {Promise<Webhook>}
   */
  async fetch(tag) {
    return this.#transport.get(this.#path(tag));
  }

  /**
   * @param {string} tag
   * @param {DeleteOptions} [options]
   */
  async delete(tag, options) {
    return this.#transport.delete(this.#path(tag), options);
  }

  /**
   * @param {string} tag
   * @param {string} env
   * @param {DeleteOptions} [options]
   */
  async deleteEnv(tag, env, options) {
    return this.#transport.delete(
        path`/v1/apps/${this.#app.tag()}/webhooks/${tag}/envs/${env}`, options);
  }

  // What a message would do, without sending it.
  /**
   * @param {string} tag
   * @param {import('./types.js').MatchRequest} message
   * @returns {Promise<import('./types.js').MatchReport>}
   */
  async match(tag, message) {
    return this.#transport.post(path`/v1/apps/${this.#app.tag()}/webhooks/${tag}/match`, message);
  }

  /** @param {string} tag */
  #path(tag) {
    return path`/v1/apps/${this.#app.tag()}/webhooks/${tag}`;
  }
}

// An event's tag is "webhook:event"; where it is looked up, a unique event part will do.
export class Events {
  #transport;
  #app;

  /**
   * @param {import('./transport.js').Transport} transport
   * @param {Scope} app
   */
  constructor(transport, app) {
    this.#transport = transport;
    this.#app = app;
  }

  /**
   * @param {import('./types.js').EventSpec} event
   * @returns {Promise<Event>}
   */
  async create(event) {
    return this.#transport.post(path`/v1/apps/${this.#app.tag()}/events`, event);
  }

  /**
   * @param {string} tag
   * @param {Partial<import('./types.js').EventSpec>} part
   * @param {ChangeOptions} [options]
   * @returns {Promise<Event>}
   */
  async update(tag, part, options) {
    return this.#transport.patch(this.#path(tag), part, options);
  }

  // Those of a webhook, or of the whole app.
  /**
   * @param {string} [webhook]
   * @returns {Promise<Event[]>}
   */
  async fetchAll(webhook) {
    return this.#transport.all(path`/v1/apps/${this.#app.tag()}/events`, {webhook});
  }

  /**
   * @param {string} tag
   * @returns {Promise<Event>}
   */
  async fetch(tag) {
    return this.#transport.get(this.#path(tag));
  }

  /**
   * @param {string} tag
   * @param {DeleteOptions} [options]
   */
  async delete(tag, options) {
    return this.#transport.delete(this.#path(tag), options);
  }

  // Sends the event's sample, or `payload`, as a test message.
  /**
   * @param {string} tag
   * @param {import('./types.js').TestMessage & {env?: string, product?: string}} [message]
   * @returns {Promise<import('./types.js').TestSend>}
   */
  async trigger(tag, message = {}) {
    return this.#transport.post(`${this.#path(tag)}/trigger`, message);
  }

  /** @param {string} tag */
  #path(tag) {
    return path`/v1/apps/${this.#app.tag()}/events/${tag}`;
  }
}
