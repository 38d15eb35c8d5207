// SPDX-License-Identifier: Apache-2.0
// @ts-check
// The client of headrace's management API. It depends on nothing but fetch.
//
//   import Headrace, {HttpMethods} from 'headrace';
//   const headrace = new Headrace({private_key: 'hrk_…', app: 'shop'});
//   const webhook = await headrace.app.webhooks.create({tag: 'orders', …});
import {Apps} from './apps.js';
import {Endpoints, History, Keys, Links, Messages} from './collections.js';
import {DeadLetters, Jobs} from './jobs.js';
import {Products, ProductWebhooks} from './products.js';
import {Scope, Transport} from './transport.js';

export {HeadraceError} from './error.js';

export const HttpMethods = Object.freeze(/** @type {const} */ ({
  GET: 'GET',
  POST: 'POST',
  PUT: 'PUT',
  PATCH: 'PATCH',
  DELETE: 'DELETE',
  HEAD: 'HEAD',
}));

// A client of one workspace. Everything that is wrong, here or there, is a HeadraceError. What
// belongs together has one name: `fetchAll` answers an array, `list` an iterator over all pages.
export class Headrace {
  // `private_key` (or `accessKey`): the API key. `workspace_id`: its workspace, which the server
  // checks unless `checkWorkspace` is false; `user_id` is taken and not needed. `baseUrl`: default
  // HEADRACE_URL, else http://127.0.0.1:8081. `app`, `product`: what app.init() and product.init()
  // set. `timeout`: of one request, in milliseconds. `fetch`: in place of the global one.
  /** @param {import('./types.js').Options} options */
  constructor(options) {
    const transport = new Transport(options);
    const product = new Scope('product', options.product);
    const links = new Links(transport, product);
    const webhooks = new ProductWebhooks(transport, product, links);

    this.app = new Apps(transport, options.app);
    this.products = new Products(transport, webhooks);
    // The same calls by their other names; each takes `product` or `product_tag`, `env` or
    // `product_env`.
    this.processor = {webhook: webhooks};
    this.product = {
      /** @param {string} tag */
      init: async (tag) => product.set(tag),
      webhook: webhooks,
    };
    this.links = links;
    this.endpoints = new Endpoints(transport, product);
    this.messages = new Messages(transport);
    /** @type {History<import('./types.js').Delivery>} */
    this.deliveries = new History(transport, 'deliveries');
    /** @type {History<import('./types.js').Attempt>} */
    this.attempts = new History(transport, 'attempts');
    this.deadLetters = new DeadLetters(transport);
    this.jobs = new Jobs(transport);
    this.keys = new Keys(transport);
    // Whose key this is: {workspace, scopes, key}.
    this.self = () => transport.get('/v1/self');
  }
}

export default Headrace;
