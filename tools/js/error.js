// SPDX-License-Identifier: Apache-2.0
// @ts-check

// What went wrong, in one shape. It never holds the key.
export class HeadraceError extends Error {
  // `status`: of the answer; 0: there was none. `code`: the server's (`not_found`, `conflict`,
  // `invalid_argument`, …), or `unreachable`, `timed_out`, `unexpected_answer`; a call that was not
  // sent, as something is missing, is `invalid_argument` with status 0. `problem`: the server's
  // document as it came, null without one.
  /**
   * @param {string} message
   * @param {{code: string, status?: number, problem?: import('./types.js').Problem | null,
   *     requestId?: string | null}} facts
   */
  constructor(message, {code, status = 0, problem = null, requestId = null}) {
    super(message);
    this.name = 'HeadraceError';
    this.code = code;
    this.status = status;
    this.problem = problem;
    this.requestId = requestId;
    this.errors = problem?.errors ?? [];  // what is wrong with which member of the request
  }
}

/** @param {string} message */
export function invalid(message) {
  return new HeadraceError(message, {code: 'invalid_argument'});
}

// What an answer that is no success says of itself.
/**
 * @param {string} call
 * @param {Response} response
 * @param {string} text
 */
export function refusal(call, response, text) {
  const requestId = response.headers.get('x-request-id');
  const status = response.status;
  const problem = problemIn(text);
  if (problem === null) {
    return new HeadraceError(
        `${call} was answered ${status}, without a reason`,
        {code: 'unexpected_answer', status, requestId});
  }
  const faults = (problem.errors ?? []).map(({pointer, detail}) => `${pointer}: ${detail}`);
  const why = [problem.detail ?? problem.title, ...faults].filter(Boolean).join('; ');
  return new HeadraceError(
      `${status} ${problem.code}: ${why}`,
      {code: problem.code, status, problem, requestId: problem.request_id ?? requestId});
}

/**
 * @param {string} text
 * @returns {import('./types.js').Problem | null}
 */
function problemIn(text) {
  try {
    const problem = JSON.parse(text);
    return typeof problem?.code === 'string' ? problem : null;
  } catch {
    return null;
  }
}

// What a request that was not answered became of.
/**
 * @param {string} call
 * @param {unknown} caught
 * @param {{origin: string, timeout: number}} circumstances
 */
export function unanswered(call, caught, {origin, timeout}) {
  const error = /** @type {{name?: string, cause?: {code?: string}}} */ (caught);
  if (error?.name === 'TimeoutError') {
    return new HeadraceError(`${call} was not answered within ${timeout} ms`, {code: 'timed_out'});
  }
  // Only the system's code: an error's text may quote what was sent.
  const reason = error?.cause?.code ?? 'the connection failed';
  return new HeadraceError(`${origin} cannot be reached: ${reason}`, {code: 'unreachable'});
}
