// SPDX-License-Identifier: Apache-2.0
// How each operation is asked for in a world, by its id: the requests that succeed, in order. A
// case: {values, query, body, status}; `values` replace the world's in the path.

const CASCADE = {
  cascade: 'true'
};
const PAYLOAD = {
  payload: {action: 'push', id: 12345}
};

const settings = (world) => ({url: world.sinkUrl, auth: {query: {k: 'v'}}});
const place = ({values}, env) =>
    ({access_tag: values.access_tag, webhook_tag: values.webhook, env});
const list = () => [{query: {limit: '1'}}];

export const CASES = {
  listWorkspaces: list,
  createWorkspace: ({name}) => [{body: {tag: `${name}-made`, name: 'Made'}, status: 201}],
  getWorkspace: () => [{}],
  deleteWorkspace: () => [{query: CASCADE, status: 204}],

  listWorkspaceAudit: list,
  listAudit: () => [
    {query: {limit: '1'}},
    {query: {since: '2001-01-01T00:00:00Z', kind: 'webhook', action: 'create', actor: 'operator'}},
  ],

  listKeys: list,
  createKey: () => [{
    body: {name: 'made', scopes: ['read', 'write'], expires_at: '2999-01-01T00:00:00+01:00'},
    status: 201,
  }],
  getKey: () => [{}],
  revokeKey: () => [{status: 204}],
  getSelf: () => [{}],

  listApps: list,
  getApp: () => [{}],
  deleteApp: () => [{query: CASCADE, status: 204}],
  listWebhooks: list,
  createWebhook: ({name}) => [{
    body: {
      tag: `${name}-made`,
      name: 'Made',
      description: null,
      payload: 'raw',
      body_bytes_max: 1000,
      dedupe: '$Event{id}',
      envs: [{
        slug: 'prd',
        registration_url: 'https://example.com/{id}',
        sample: {params: {id: '1'}, body: {n: 1.10}},
        unregistration_url: 'https://example.com/{id}',
      }],
    },
    status: 201,
  }],
  getWebhook: () => [{}],
  updateWebhook: () => [{body: {name: 'Changed', envs: [{slug: 'new'}]}}],
  deleteWebhook: () => [{query: CASCADE, status: 204}],
  deleteWebhookEnv: () => [{query: CASCADE, status: 204}],
  matchWebhook: () =>
      [{body: {env: 'prd', ...PAYLOAD, headers: {'X-A': 'b'}, query: {a: 1}}},
       {body: {body: '{"action":"none"}', content_type: 'application/json', query: 'a=1'}},
],

  listEvents: ({values}) => [{query: {webhook: values.webhook, limit: '1'}}],
  createEvent: ({values}) => [{
    body: {
      tag: `${values.webhook}:made`,
      name: 'Made',
      selector: '$Event{type}',
      selectorValue: 'made',
      sample: {type: 'made'},
    },
    status: 201,
  }],
  getEvent: () => [{}],
  updateEvent: () => [{body: {description: 'Changed', selector_value: null}}],
  deleteEvent: () => [{query: CASCADE, status: 204}],
  triggerEvent: ({values}) =>
      [{body: {env: 'prd'}, status: 202},
       {body: {env: 'prd', product: values.product, ...PAYLOAD}, status: 202},
],

  listProducts: list,
  getProduct: () => [{}],
  deleteProduct: () => [{query: CASCADE, status: 204}],
  listConnections: list,
  getConnection: () => [{}],
  putConnection: ({values}) =>
      [{body: {app: values.app, product: values.product}},
       {values: {access_tag: 'another'}, body: {app: values.app}, status: 201},
],
  deleteConnection: () => [{query: CASCADE, status: 204}],

  enableWebhook: (world) => [{
    body: {
      product: world.values.product,
      access_tag: world.values.access_tag,
      webhook_tag: world.values.webhook,
      envs: [{slug: 'snd', ...settings(world), events: [], in_flight_max: 3}],
      wait: '1s',
    },
  }],
  disableWebhook: ({values}) => [{
    body: {access_tag: values.access_tag, webhook_tag: values.webhook, envs: ['prd', 'api']},
  }],
  listProductRegistrations: ({values}) => [{query: {access_tag: values.access_tag}}],
  listRegistrations: ({values}) => [{query: {access_tag: values.access_tag, limit: '1'}}],

  listProductLinks: ({values}) => [{query: {app: values.access_tag, env: 'prd'}}],
  createLink: (world) =>
      [{body: {...place(world, 'prd'), event: world.values.event}},
       {body: {...place(world, 'snd'), ...settings(world)}, status: 201},
],
  listLinks: ({values}) => [{query: {product: values.product, webhook: values.webhook}}],
  getLink: () => [{}],
  deleteLink: ({values}) => [{values: {link: values.eventLink}, status: 204}],
  rotateLink: () => [{}, {body: {grace: 60}}],

  createEndpoint: (world) => [{
    body: {...place(world, 'snd'), ...settings(world), state: 'disabled', retry: {schedule: []}},
    status: 201,
  }],
  listEndpoints: ({values}) => [{query: {app: values.app, env: 'prd'}}],
  getEndpoint: () => [{}],
  updateEndpoint: () => [{body: {state: 'disabled', filter: null, auth: null, events: null}}],
  pauseEndpoint: () => [{}],
  resumeEndpoint: () => [{}],
  drainEndpoint: () => [{}],
  disableEndpoint: () => [{}],
  discardEndpoint: () => [{}],
  deleteEndpoint: () => [{query: CASCADE, status: 204}],
  testEndpoint: ({values}) =>
      [{status: 202},
       {body: {event: values.event}, status: 202},
       {body: {body: 'text', content_type: 'text/plain'}, status: 202},
],

  listMessages: ({values}) =>
      [{query: {limit: '1'}},
       {query: {link: values.link, endpoint: values.endpoint, status: 'routed', app: values.app}},
],
  getMessage: () => [{}],
  eraseMessage: () => [{status: 204}],
  listDeliveries: ({values}) =>
      [{query: {message: values.message, error: 'none', http_status: '200', limit: '1'}},
       {query: {event: values.event, app: values.app, since: '2020-01-01T00:00:00Z'}},
],
  listAttempts: ({values}) => [{query: {message: values.message, status: 'delivered'}}],

  listDeadLetters: ({values}) =>
      [{query: {endpoint: values.endpoint, error: 'none', http_status: '500', limit: '1'}},
       {query: {app: values.app, event: values.event, since: '2020-01-01T00:00:00Z'}},
],
  retryDeadLetters: ({values}) =>
      [{status: 202}, {body: {endpoint: values.endpoint, rate: 5, dry_run: true}, status: 202}],
  retryDelivery: () => [{status: 202}],
  createReplay: ({values}) =>
      [{body: {message: values.message, to: values.endpoint}, status: 202},
       {body: {app: values.app, message_state: 'unmatched', dry_run: true}, status: 202},
],
  createErasure: ({values}) => [{
    body: {app: values.app, payload: {'$Event{action}': 'other'}, dry_run: true},
    status: 202,
  }],
  listJobs: () => [{query: {kind: 'replay', status: 'paused', limit: '1'}}],
  getJob: () => [{}],
  pauseJob: () => [{}],
  resumeJob: () => [{}],
  cancelJob: () => [{}],

  getLive: () => [{}],
  getReady: () => [{}],
  getMetrics: () => [{}],
  getOpenApi: () => [{}],

  listSecrets: list,
  putSecret: () =>
      [{body: {value: 'another'}}, {values: {secret: 'MADE'}, body: {value: 'a value'}},
],
  getSecret: () => [{}],
  deleteSecret: () => [{query: CASCADE, status: 204}],
  getSigningSecret: () => [{}],
  rotateSigningSecret: () => [{body: {grace: '1h'}}, {}],
  rotateMasterKey: () => [{status: 204}],
};
