// SPDX-License-Identifier: Apache-2.0
// @ts-check
// The shapes of requests and answers, for editors and type checkers. Times are RFC 3339 texts,
// durations texts like "5s".

/**
 * @typedef {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD'} Method
 * @typedef {Record<string, string | number | boolean | null | undefined>} Query
 *
 * @typedef {object} Options
 * @property {string} [private_key] the API key; or `accessKey`
 * @property {string} [accessKey]
 * @property {string} [workspace_id] the key's workspace, checked unless `checkWorkspace` is false
 * @property {string} [user_id] taken and not needed
 * @property {boolean} [checkWorkspace]
 * @property {string} [baseUrl]
 * @property {string} [app]
 * @property {string} [product]
 * @property {number} [timeout] of one request, in milliseconds
 * @property {typeof globalThis.fetch} [fetch]
 *
 * @typedef {{revision?: number}} ChangeOptions `revision`: change only what is still that
 * @typedef {ChangeOptions & {cascade?: boolean}} DeleteOptions
 * @typedef {{product?: string, product_tag?: string}} ProductName
 * @typedef {{app?: string, webhook?: string, env?: string, product?: string}} LinkFilter
 *
 * @typedef {object} Problem
 * @property {string} code
 * @property {string} title
 * @property {number} status
 * @property {string} [type]
 * @property {string} [detail]
 * @property {string} [instance]
 * @property {string} [request_id]
 * @property {{pointer: string, detail: string}[]} [errors]
 * @property {{resource: string, detail: string}[]} [conflicts]
 * @property {number} [position]
 *
 * @typedef {object} RequestParts what is sent to a provider or receiver
 * @property {Record<string, any>} [headers]
 * @property {Record<string, any>} [query]
 * @property {Record<string, any>} [body]
 * @property {Record<string, any>} [params] fill `{name}` and `:name` in the URL
 *
 * @typedef {object} WebhookEnvSpec
 * @property {string} slug
 * @property {string | null} [registration_url]
 * @property {Method | null} [method]
 * @property {RequestParts | null} [sample]
 * @property {string | null} [unregistration_url]
 * @property {Method | null} [unregistration_method]
 * @property {any} [verification] how its provider proves that messages are its own
 *
 * @typedef {object} WebhookSpec
 * @property {string} tag
 * @property {string} name
 * @property {string} [description]
 * @property {WebhookEnvSpec[]} envs
 * @property {'json' | 'raw'} [payload]
 * @property {number} [body_bytes_max]
 * @property {string | null} [dedupe]
 *
 * @typedef {WebhookSpec & {app: string, warnings: string[], revision: number,
 *     envs: (WebhookEnvSpec & {link: string, link_id: string})[]}} Webhook
 *
 * @typedef {object} EventSpec
 * @property {string} tag
 * @property {string} name
 * @property {string} [description]
 * @property {string} selector
 * @property {string | number | boolean | null} [selector_value]
 * @property {string | number | boolean | null} [selectorValue]
 * @property {Record<string, any>} [sample]
 *
 * @typedef {EventSpec & {app: string, warnings: string[], revision: number}} Event
 *
 * A schedule, or base, factor, cap and count.
 * @typedef {{schedule?: (string | number)[], base?: string | number, factor?: number,
 *     cap?: string | number, count?: number, jitter_percent?: number}} Retry
 *
 * @typedef {{window?: string | number, count_min?: number, threshold?: number,
 *     open_for?: string | number, open_for_max?: string | number, probes?: number}} Breaker
 *
 * @typedef {'active' | 'paused' | 'draining' | 'disabled'} EndpointState
 *
 * @typedef {{ca?: string | null, certificate?: string | null, key?: string | null,
 *     pins?: string[] | null}} EndpointTls
 *
 * @typedef {object} EndpointSettings
 * @property {string} [url]
 * @property {Method} [method]
 * @property {RequestParts} [auth]
 * @property {string[]} [events]
 * @property {any} [filter]
 * @property {EndpointTls | null} [tls]
 * @property {{scheme?: 'v1' | 'v1a' | 'github' | 'stripe' | 'none', header?: string | null,
 *     secret?: string | null} | null} [signing]
 * @property {number} [in_flight_max]
 * @property {boolean} [adaptive]
 * @property {{per_second: number, burst?: number} | null} [rate_limit]
 * @property {'none' | 'strict' | 'by_key'} [order]
 * @property {string | null} [order_by]
 * @property {'block' | 'skip'} [head_of_line]
 * @property {number} [retry_share_percent]
 * @property {Retry | null} [retry]
 * @property {string[]} [retry_on]
 * @property {string[]} [final_on]
 * @property {string | number} [retry_after_max]
 * @property {Breaker | null} [breaker]
 * @property {string | number} [connect_timeout]
 * @property {string | number} [attempt_timeout]
 * @property {string | number | null} [disable_after]
 * @property {EndpointState} [state]
 *
 * @typedef {EndpointSettings & {access_tag: string, webhook_tag: string, env: string}} EndpointSpec
 *
 * @typedef {object} Endpoint
 * @property {string} id
 * @property {string} product
 * @property {string} access_tag
 * @property {string} app
 * @property {string} webhook
 * @property {string} env
 * @property {string} url
 * @property {Method} method
 * @property {RequestParts | null} auth
 * @property {string[]} events
 * @property {any} filter
 * @property {EndpointTls | null} tls
 * @property {{scheme: string, header: string | null, previous_until: string | null}} signing
 * @property {number} in_flight_max
 * @property {boolean} adaptive
 * @property {{per_second: number, burst: number} | null} rate_limit
 * @property {'none' | 'strict' | 'by_key'} order
 * @property {string | null} order_by
 * @property {'block' | 'skip'} head_of_line
 * @property {number} retry_share_percent
 * @property {Retry | null} retry
 * @property {string[]} retry_on
 * @property {string[]} final_on
 * @property {string} retry_after_max
 * @property {Required<Breaker> | null} breaker
 * @property {string} connect_timeout
 * @property {string} attempt_timeout
 * @property {string | null} disable_after
 * @property {EndpointState} state
 * @property {'manual' | 'gone' | 'failing'} state_reason
 * @property {string} state_since
 * @property {boolean | null} drained
 * @property {string} link
 * @property {string} link_id
 * @property {number} revision
 *
 * @typedef {EndpointSettings & {access_tag?: string, app?: string, webhook_tag?: string,
 *     event?: string, env?: string, product_env?: string}} LinkSpec
 *
 * @typedef {object} Link
 * @property {string} id
 * @property {'app' | 'product' | 'event'} kind
 * @property {string} url
 * @property {string} app
 * @property {string} webhook
 * @property {string} env
 * @property {string | null} product
 * @property {string | null} access_tag
 * @property {string | null} event
 * @property {string | null} previous_until
 * @property {any} verification
 * @property {string[]} warnings
 * @property {number} revision
 *
 * @typedef {EndpointSettings & {slug: string, delivery_auth?: RequestParts}} EnableEnvSpec
 * @typedef {{access_tag: string, webhook_tag: string, envs: EnableEnvSpec[],
 *     wait?: string | number}} EnableSpec
 *
 * @typedef {object} RegistrationEnv
 * @property {string} slug
 * @property {string} url
 * @property {Method} method
 * @property {string | null} endpoint
 * @property {string} link
 * @property {string} link_id
 * @property {'enabled' | 'pending' | 'registered' | 'failed' | 'unregistering' | 'disabled'} status
 * @property {{message: string, attempts: number, http_status: number | null,
 *     error: string | null, response: string | null, called_at: string | null,
 *     next_at: string | null} | null} call
 *
 * @typedef {object} Registration
 * @property {string} product
 * @property {string} access_tag
 * @property {string} app
 * @property {string} webhook_tag
 * @property {RegistrationEnv[]} envs
 *
 * @typedef {{tag: string, connections: number, endpoints: number, links: number}} Product
 * @typedef {{product: string, access_tag: string, app: string}} Connection
 *
 * @typedef {object} TestMessage `payload`: any JSON; or `body`: a text
 * @property {any} [payload]
 * @property {string} [body]
 * @property {string} [content_type]
 *
 * @typedef {{message: string, event: string | null, selected: boolean, receivers: number}} TestSend
 *
 * @typedef {TestMessage & {env?: string, headers?: Record<string, string>,
 *     query?: Record<string, any> | string}} MatchRequest
 * @typedef {{event: string | null, others: string[], receivers: {endpoint: string,
 *     product: string, env: string, reached: boolean, reason: string | null}[]}} MatchReport
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string} received_at
 * @property {string} link
 * @property {string | null} event
 * @property {'routed' | 'unmatched' | 'no_endpoint'} status
 * @property {boolean} test
 * @property {number} body_bytes
 *
 * @typedef {Message & {method: string, query: string, headers: any, body: string}} MessageDetail
 *
 * @typedef {object} Delivery
 * @property {string} message
 * @property {string} endpoint
 * @property {string} link
 * @property {string | null} event
 * @property {string} received_at
 * @property {boolean} test
 * @property {'waiting' | 'retrying' | 'delivered' | 'dead'} status
 * @property {number} attempts
 * @property {number | null} http_status
 * @property {string | null} error
 * @property {string | null} next_at
 *
 * @typedef {object} Attempt
 * @property {string} message
 * @property {string} endpoint
 * @property {number} attempt
 * @property {'delivered' | 'retry' | 'dead'} status
 * @property {number | null} http_status
 * @property {string | null} error
 * @property {string} started_at
 * @property {number} duration_us
 * @property {string | null} next_at
 * @property {string | null} response_head
 * @property {string | null} response_body
 *
 * @typedef {object} DeadLetter
 * @property {string} message
 * @property {string | null} endpoint
 * @property {string | null} link
 * @property {string | null} event
 * @property {string} received_at
 * @property {string} died_at
 * @property {number} attempts
 * @property {number} http_status
 * @property {string | null} error
 *
 * @typedef {object} Job
 * @property {string} id
 * @property {'replay' | 'erasure'} kind
 * @property {'counting' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed'} status
 * @property {boolean} dry_run
 * @property {object} filter
 * @property {string | null} to
 * @property {number | null} rate
 * @property {object | null} payload
 * @property {number | null} total
 * @property {number} scanned
 * @property {number} matched
 * @property {number} [reopened]
 * @property {number} [erased]
 * @property {number} skipped
 * @property {number} failed
 * @property {number} per_second
 * @property {string | null} error
 * @property {string} created_at
 * @property {string | null} ended_at
 *
 * @typedef {object} HistoryFilter
 * @property {string} [message]
 * @property {string} [link]
 * @property {string} [endpoint]
 * @property {string} [app]
 * @property {string} [webhook]
 * @property {string} [env]
 * @property {string} [product]
 * @property {string} [event]
 * @property {string} [status]
 * @property {string} [kind] of jobs
 * @property {string} [error]
 * @property {number} [http_status]
 * @property {string} [since]
 * @property {string} [until]
 * @property {number} [limit] of one page; all pages are read
 *
 * @typedef {object} Key
 * @property {string} id
 * @property {string} name
 * @property {string[]} scopes
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {string | null} last_used_at
 */
export {};
