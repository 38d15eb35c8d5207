// SPDX-License-Identifier: Apache-2.0
// GitHub as a provider: its real payloads, and an app that is registered for them.
import {randomUUID} from 'node:crypto';
import {createRequire} from 'node:module';

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples');

// Every example: {name, index, payload, body, headers} in the order of the package; `body` as
// GitHub sends it.
export function payloads() {
  return examples.flatMap(
      ({name, examples: all}) => all.map((payload, index) => ({
                                           name,
                                           index,
                                           payload,
                                           body: Buffer.from(JSON.stringify(payload)),
                                           headers: headersOf(name),
                                         })));
}

function headersOf(name) {
  return {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/044aadd',
    'x-github-event': name,
    'x-github-delivery': randomUUID(),
  };
}

// An event of the webhook "repo-events" that is found by GitHub's event header.
export function byHeader(name) {
  return {
    name,
    tag: `repo-events:${name}`,
    description: `GitHub says ${name}`,
    selector: '$Header{X-GitHub-Event}',
    selector_value: name,
    sample: {action: 'any'},
  };
}

// An event that is found by a value inside the payload; the sample says which.
export function byPath(tag, selector, sample) {
  return {
    name: tag,
    tag: `repo-events:${tag}`,
    description: `the payload says ${tag}`,
    selector,
    sample
  };
}

// Registers app "github" with webhook "repo-events" and `events` in this order, and an endpoint of
// product "shop" at `url`. Answers the product's link: {link, link_id, endpoint}.
export async function register(api, {events, url, ...endpoint}) {
  await api.post('/v1/apps/github/webhooks', {
    name: 'Repository events',
    tag: 'repo-events',
    description: 'What happens in a repository',
    envs: [{slug: 'prd'}],
  });
  for (const event of events) await api.post('/v1/apps/github/events', event);
  return api.post('/v1/products/shop/links', {
    access_tag: 'github',
    webhook_tag: 'repo-events',
    env: 'prd',
    url,
    method: 'POST',
    ...endpoint,
  });
}
