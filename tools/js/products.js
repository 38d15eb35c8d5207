// SPDX-License-Identifier: Apache-2.0
// @ts-check
// What a product receives: its use of apps' webhooks.
import {path} from './transport.js';

/** @typedef {import('./types.js').ProductName} ProductName */
/** @typedef {import('./types.js').Registration} Registration */
/** @typedef {import('./types.js').Connection} Connection */

export class Products {
  #transport;

  /**
   * @param {import('./transport.js').Transport} transport
   * @param {ProductWebhooks} webhooks
   */
  constructor(transport, webhooks) {
    this.#transport = transport;
    this.webhooks = webhooks;
  }

  // Every product of the workspace: {tag, connections, endpoints, links}.
  /** @returns {Promise<import('./types.js').Product[]>} */
  async fetchAll() {
    return this.#transport.all('/v1/products');
  }

  /**
   * @param {string} product
   * @param {import('./types.js').DeleteOptions} [options]
   */
  async delete(product, options) {
    return this.#transport.delete(path`/v1/products/${product}`, options);
  }

  // Lets the product know `app` as `access_tag`. Without this, the app's own tag is its access tag.
  /**
   * @param {string} product
   * @param {string} access_tag
   * @param {string} app
   * @param {import('./types.js').ChangeOptions} [options]
   * @returns {Promise<Connection>}
   */
  async connect(product, access_tag, app, options) {
    return this.#transport.put(path`/v1/products/${product}/apps/${access_tag}`, {app}, options);
  }

  /**
   * @param {string} product
   * @param {string} access_tag
   * @param {import('./types.js').DeleteOptions} [options]
   */
  async disconnect(product, access_tag, options) {
    return this.#transport.delete(path`/v1/products/${product}/apps/${access_tag}`, options);
  }

  /**
   * @param {string} product
   * @returns {Promise<Connection[]>}
   */
  async connections(product) {
    return this.#transport.all(path`/v1/products/${product}/apps`);
  }
}

// Registrations of products for webhooks. The product is the call's `product` or `product_tag`,
// else that of product.init().
export class ProductWebhooks {
  #transport;
  #product;
  #links;

  /**
   * @param {import('./transport.js').Transport} transport
   * @param {import('./transport.js').Scope} product
   * @param {import('./collections.js').Links} links
   */
  constructor(transport, product, links) {
    this.#transport = transport;
    this.#product = product;
    this.#links = links;
  }

  // Registers the product in each of `envs`, all or none; where the webhook says so, the provider
  // is called.
  /**
   * @param {ProductName & import('./types.js').EnableSpec} spec
   * @returns {Promise<Registration>}
   */
  async enable({product, product_tag, ...spec}) {
    const tag = this.#product.tag(product ?? product_tag);
    return this.#transport.post(path`/v1/products/${tag}/webhooks/enable`, spec);
  }

  // Ends that, in all envs or in those of `envs`.
  /**
   * @param {ProductName & {access_tag: string, webhook_tag: string, envs?: string[]}} spec
   * @returns {Promise<Registration>}
   */
  async disable({product, product_tag, ...spec}) {
    const tag = this.#product.tag(product ?? product_tag);
    return this.#transport.post(path`/v1/products/${tag}/webhooks/disable`, spec);
  }

  // The address to give to a provider; the same for the same question. links.create() answers all
  // of it.
  /**
   * @param {ProductName & import('./types.js').LinkSpec} spec
   * @returns {Promise<string>}
   */
  async generateLink(spec) {
    return (await this.#links.create(spec)).link;
  }

  // The registrations of all products under this access tag, or under any.
  /**
   * @param {string} [access_tag]
   * @returns {Promise<Registration[]>}
   */
  async fetchAll(access_tag) {
    return this.#transport.all('/v1/webhooks', {access_tag});
  }

  // The product's links of an app, each with its `url`, and its `event` if it is pinned to one.
  /**
   * @param {string} app
   * @returns {Promise<import('./types.js').Link[]>}
   */
  async fetchAllForProductApp(app) {
    return this.#transport.all(path`/v1/products/${this.#product.tag()}/links`, {app});
  }
}
