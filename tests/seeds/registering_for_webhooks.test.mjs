// SPDX-License-Identifier: Apache-2.0
// Document 5, "Registering for Webhooks": the same as document 3 in the processor's words.
import test from 'node:test';

import * as scratch from '../integration/lib/scratch.mjs';

import {checkEnabling, checkLink, checkRegistering, HOSTS} from './lib/orders.mjs';
import {Stage} from './lib/stage.mjs';

const DOCUMENT = '5-registering-for-webhooks';

test(
    'enable registers each env with the provider, whose credential no receiver sees', async (t) => {
      const stage = await Stage.set(t, {hosts: HOSTS});
      const provider = await scratch.sink(t, {path: ''});
      await checkRegistering(stage, `${DOCUMENT}/1-enable`, 'my_product', provider);
    });

test('enable applies auth to deliveries where nothing is to be registered', async (t) => {
  const stage = await Stage.set(t, {hosts: HOSTS});
  await checkEnabling(stage, `${DOCUMENT}/1-enable`, 'my_product');
});

test('generateLink answers one link for one env, which leads to the url', async (t) => {
  const stage = await Stage.set(t, {hosts: HOSTS});
  await checkLink(stage, `${DOCUMENT}/2-generate-link`, 'my_product', 'production');
});
