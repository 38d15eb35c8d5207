// SPDX-License-Identifier: Apache-2.0
// @ts-check
// Replays, dead letters and erasure: work over what is on record, in the background.
import {History} from './collections.js';
import {path} from './transport.js';

/** @typedef {import('./transport.js').Transport} Transport */
/** @typedef {import('./types.js').Job} Job */

/** @extends {History<Job>} */
export class Jobs extends History {
  #transport;

  /** @param {Transport} transport */
  constructor(transport) {
    super(transport, 'jobs');
    this.#transport = transport;
  }

  // Delivers again what the filter fits: {endpoint, app, state, message_state, since, to, rate, …}.
  /**
   * @param {object} spec
   * @returns {Promise<Job>}
   */
  async replay(spec) {
    return this.#transport.post('/v1/replays', spec);
  }

  // Erases what the filter fits, for good: {app, payload: {'$Event{customer.id}': '…'}, …}.
  /**
   * @param {object} spec
   * @returns {Promise<Job>}
   */
  async erase(spec) {
    return this.#transport.post('/v1/erasures', spec);
  }

  /**
   * @param {string} id
   * @returns {Promise<Job>}
   */
  async get(id) {
    return this.#transport.get(path`/v1/jobs/${id}`);
  }

  /**
   * @param {string} id
   * @returns {Promise<Job>}
   */
  async pause(id) {
    return this.#transport.post(path`/v1/jobs/${id}/pause`, {});
  }

  /**
   * @param {string} id
   * @returns {Promise<Job>}
   */
  async resume(id) {
    return this.#transport.post(path`/v1/jobs/${id}/resume`, {});
  }

  /**
   * @param {string} id
   * @returns {Promise<Job>}
   */
  async cancel(id) {
    return this.#transport.post(path`/v1/jobs/${id}/cancel`, {});
  }
}

/** @extends {History<import('./types.js').DeadLetter>} */
export class DeadLetters extends History {
  #transport;

  /** @param {Transport} transport */
  constructor(transport) {
    super(transport, 'dead-letters');
    this.#transport = transport;
  }

  // Delivers those again that the filter fits.
  /**
   * @param {object} spec
   * @returns {Promise<Job>}
   */
  async retry(spec = {}) {
    return this.#transport.post('/v1/dead-letters/retry', spec);
  }

  // Makes one delivery again, dead or delivered.
  /**
   * @param {string} message
   * @param {string} endpoint
   * @returns {Promise<import('./types.js').Delivery>}
   */
  async retryOne(message, endpoint) {
    return this.#transport.post(path`/v1/messages/${message}/deliveries/${endpoint}/retry`, {});
  }
}
