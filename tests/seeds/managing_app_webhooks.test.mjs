// SPDX-License-Identifier: Apache-2.0
// Document 3, "Managing App Webhooks": a product enables an app's webhook and asks for links.
import assert from 'node:assert/strict';
import test from 'node:test';

import * as scratch from '../integration/lib/scratch.mjs';

import {checkEnabling, checkLink, checkRegistering, connect, defineOrders, HOSTS, PATH} from './lib/orders.mjs';
import {Stage} from './lib/stage.mjs';

const DOCUMENT = '3-managing-app-webhooks';

test(
    'enable registers each env with the provider, whose credential no receiver sees', async (t) => {
      const stage = await Stage.set(t, {hosts: HOSTS});
      const provider = await scratch.sink(t, {path: ''});
      await checkRegistering(stage, `${DOCUMENT}/1-enable`, 'my-product', provider);
    });

test('enable applies auth to deliveries where nothing is to be registered', async (t) => {
  const stage = await Stage.set(t, {hosts: HOSTS});
  await checkEnabling(stage, `${DOCUMENT}/1-enable`, 'my-product');
});

test('generateLink answers one link for one env, which leads to the url', async (t) => {
  const stage = await Stage.set(t, {hosts: HOSTS});
  await checkLink(stage, `${DOCUMENT}/2-generate-link`, 'my-product', 'prd');
});

test('fetchAll answers every registration under the access tag', async (t) => {
  const stage = await Stage.set(t, {hosts: HOSTS});
  const fetched = async () =>
      (await stage.run(`${DOCUMENT}/3-fetch-all`, ['webhooks'])).values.webhooks;
  assert.deepEqual(await fetched(), []);
  const {api} = stage;
  await defineOrders(api, 'my-product');
  await stage.run(`${DOCUMENT}/1-enable`);
  await connect(api, 'other-product');
  for (const [product, access_tag] of [['other-product', 'admin'], ['third-product', 'shop']]) {
    await api.post(`/v1/products/${product}/webhooks/enable`, {
      access_tag,
      webhook_tag: 'order_created',
      envs: [{slug: 'production', url: stage.servers[HOSTS[0]].url + PATH, method: 'POST'}],
    });
  }
  const webhooks = await fetched();
  assert.ok(Array.isArray(webhooks));
  assert.deepEqual(
      webhooks
          .map(({product,
                 access_tag,
                 webhook_tag: webhook,
                 envs}) => [product, access_tag, webhook, envs.map(({slug, url}) => [slug, url])])
          .sort(),
      [
        [
          'my-product', 'admin', 'order_created',
          [['prd', stage.servers[HOSTS[0]].url + PATH], ['stg', stage.servers[HOSTS[1]].url + PATH]]
        ],
        [
          'other-product', 'admin', 'order_created',
          [['production', stage.servers[HOSTS[0]].url + PATH]]
        ],
      ]);
});
