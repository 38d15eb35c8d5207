// SPDX-License-Identifier: Apache-2.0
// The API's own document: its operations, and whether an answer is one that it describes.
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export class OpenApi {
  constructor(document) {
    this.document = document;
    this.ajv = new Ajv2020({strict: true, allowUnionTypes: true, allErrors: true});
    addFormats(this.ajv);
    this.ajv.addSchema(moved({$id: 'headrace', $defs: document.components.schemas}));
    this.compiled = new Map();
    this.seen = new Set();  // "listApps 200"
  }

  // [{id, method, path, scope, operation}]
  operations() {
    return Object.entries(this.document.paths)
        .flatMap(
            ([path, item]) =>
                METHODS.filter((method) => item[method]).map((method) => ({
                                                               id: item[method].operationId,
                                                               method: method.toUpperCase(),
                                                               path,
                                                               scope: item[method]['x-scope'],
                                                               operation: item[method],
                                                             })));
  }

  // The methods that a path takes, as Allow names them.
  allowed(path) {
    const taken = METHODS.filter((method) => this.document.paths[path][method])
                      .map((method) => method.toUpperCase());
    if (taken.includes('GET')) taken.push('HEAD');
    return new Set(taken);
  }

  resolve(value) {
    if (value.$ref === undefined) return value;
    return value.$ref.slice(2).split('/').reduce((at, key) => at[key], this.document);
  }

  // What is wrong with an answer to the operation; empty: it is as described.
  faults({id, operation}, {status, headers, text, body}) {
    const described = operation.responses[status];
    if (described === undefined) return [`${id}: ${status} is not described: ${text}`];
    this.seen.add(`${id} ${status}`);
    const response = this.resolve(described);
    const faults = Object.keys(response.headers ?? {})
                       .filter((name) => headers[name.toLowerCase()] === undefined)
                       .map((name) => `${id} ${status}: there is no header ${name}`);
    if (response.content === undefined) {
      return text === '' ? faults : [...faults, `${id} ${status}: there is a body: ${text}`];
    }
    const [[type, {schema}]] = Object.entries(response.content);
    if (headers['content-type'] !== type)
      faults.push(`${id} ${status}: ${headers['content-type']} is not ${type}`);
    const validate = this.validator(schema);
    if (validate(body ?? text)) return faults;
    return [...faults, `${id} ${status}: ${this.ajv.errorsText(validate.errors)} in ${text}`];
  }

  // Of any schema of the document.
  validator(schema) {
    const key = JSON.stringify(schema);
    if (!this.compiled.has(key))
      this.compiled.set(key, this.ajv.compile(moved(schema, 'headrace')));
    return this.compiled.get(key);
  }
}

// The same schema, its references leading to $defs.
function moved(schema, base = '') {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/components/schemas/', `${base}#/$defs/`));
}
