// SPDX-License-Identifier: Apache-2.0
// A client of a recording server, and values that the tests send.
import {Headrace} from '../../../tools/js/index.js';

export const KEY = 'hrk_key-that-nobody-may-see';
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function clientOf(server, options = {}) {
  return new Headrace({private_key: KEY, baseUrl: server.url, ...options});
}

export const collect = async (list) => {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
};


export const spec = {
  tag: 'w',
  name: 'W',
  envs: [{slug: 'prd'}]
};
export const use = {
  access_tag: 'admin',
  webhook_tag: 'w'
};
export const page = {
  data: [{id: 1}],
  next: null
};
