// SPDX-License-Identifier: Apache-2.0
// `headrace bench report` and `compare` over real runs of the load, and their page in a browser's
// model of it.
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import {JSDOM, VirtualConsole} from 'jsdom';
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {bench, startSink} from './lib/bench_ledger.mjs';
import {quoted} from './lib/cli.mjs';
import {BINARY, cleanEnvironment} from './lib/daemon.mjs';
import * as scratch from './lib/scratch.mjs';

const SCHEMA = new URL('../../docs/bench-result.schema.json', import.meta.url);
const WEB = fileURLToPath(new URL('../../tools/bench/web/', import.meta.url));
// However busy the machine is.
const PATIENT = ['--lag-max', '100', '--timeout', '300s', '--drain', '300s'];

function load(url, ...flags) {
  return bench('load', url, '--rate', '400', '--duration', '250ms', '--connections', '4', ...PATIENT, '--json', ...flags);
}

// A file of the results of `runs` real loads of 100 messages each.
async function loads(t, runs) {
  const sink = await startSink();
  const file = path.join(await scratch.folder(t), 'loads.json');
  let text = '';
  for (let i = 0; i < runs; ++i) {
    const {status, stdout, stderr} = load(`${sink.urls[0]}/0`);
    assert.equal(status, 0, stderr);
    text += stdout;
  }
  await sink.stop();
  await writeFile(file, text);
  return file;
}

// What a run prints, as the published schema has it.
function run({cpu = 20.5, scenario = 'dispatch', ...others} = {}) {
  const series = Array.from({length: 20}, (_, i) => ({
    t_s: (i + 1) / 2, accepted_per_s: 45000 + i, delivered_per_s: 44000 + i, backlog: 10 * i, errors_per_s: 0,
    cpu_us_per_event: cpu + i / 100, rss_bytes: 1e8 + i,
  }));
  const curve = [[0, 100], [50, 300], [90, 700], [99, 3000], [99.9, 8000], [99.99, 8500], [100, 9000]];
  return {
    schema: 1, kind: 'run', scenario, started_at: '2031-01-02T03:04:05Z',
    headrace: {version: '0.1.0', build: 'release', compiler: 'gcc'},
    machine: {cpus: 2, cpu_model: 'a CPU', kernel: '6.1', memory_bytes: 8e9, filesystem: 'ext4', pinned: false},
    configuration: {
      durability: 'fsync', ingest_loops: 1, shards: 1, signing: 'none', payload: 'made', body_bytes: 7168,
      routed_on: '$Event{type}', endpoints: 1, bad_endpoints: 0, connections: 64, rate_per_s: 45000, closed: false,
      warmup_s: 2, duration_s: 10, seed: 1,
    },
    measured: {
      duration_s: 10, events: 450000, events_per_s: 45000, deliveries: 450000, deliveries_counted: 450000,
      deliveries_per_s: 45000, cpu_us_per_event: cpu, cpu_us_per_delivery: cpu,
      cpu_us_per_event_by_thread: {'hr-ingest-0': 9.1, 'hr-shard-0': 8},
      accept: {count: 450000, p50_us: 300, p90_us: 700, p99_us: 3000, p99_9_us: 8000, max_us: 9000, mean_us: 350},
      e2e: {count: 450000, p50_us: 500, p90_us: 900, p99_us: 4000, p99_9_us: 9000, max_us: 9500, mean_us: 600},
      rss_max_bytes: 1e8, bytes_written: 4e9, bytes_written_per_event: 8889, bytes_written_over_body: 1.24,
      load_cpu_us_per_event: 6, sink_cpu_us_per_event: 5, kills: 0, restart_max_s: 0,
    },
    load: {format: 'headrace.bench.load/1', valid: true, sent: 450000, answered: 450000, latency_from_sent_us: null},
    verify: {ok: true, breaches: [], accepted: 540000, delivered: 540000, lost: 0, altered: 0, unaccepted: 0, duplicated: 0},
    valid: true, invalid_because: [], series, percentiles: {accept: curve, e2e: curve}, ...others,
  };
}

async function written(t, ...results) {
  const file = path.join(await scratch.folder(t), 'results.json');
  await writeFile(file, results.map((each) => JSON.stringify(each)).join('\n'));
  return file;
}

// The page as a browser has it once its scripts ran. What jsdom lacks is a canvas: here one that
// counts what is drawn on it.
async function opened(t, ...files) {
  const out = path.join(await scratch.folder(t), 'page.html');
  const {status, stderr} = bench('report', ...files, '--html', out);
  assert.equal(status, 0, stderr);
  const text = await readFile(out, 'utf8');
  const faults = [];
  const listeners = [];
  const drawn = {lines: 0, texts: []};
  const virtualConsole = new VirtualConsole();
  virtualConsole.on('jsdomError', (fault) => faults.push(fault));
  const dom = new JSDOM(text, {
    runScripts: 'dangerously', pretendToBeVisual: true, virtualConsole,
    beforeParse(window) {
      window.matchMedia = () => ({matches: false, addEventListener: (_, call) => listeners.push(call), removeEventListener() {}});
      window.ResizeObserver = class {
        observe() {}
      };
      window.Path2D = class {
        lineTo() {
          ++drawn.lines;
        }
      };
      for (const name of ['moveTo', 'rect', 'arc', 'closePath', 'bezierCurveTo', 'addPath']) window.Path2D.prototype[name] = () => {};
      window.HTMLCanvasElement.prototype.getContext = () => new Proxy({}, {
        get: (target, name) => name in target ? target[name] :
            name === 'measureText'            ? (text) => ({width: 7 * text.length}) :
            name === 'fillText'               ? (text) => drawn.texts.push(text) :
                                                () => {},
      });
    },
  });
  t.after(() => dom.window.close());
  // The first drawing of a chart waits for the script's end.
  await new Promise((resolve) => dom.window.requestAnimationFrame(resolve));
  assert.deepEqual(faults, []);
  const {document} = dom.window;
  const captions = () => [...document.querySelectorAll('figcaption')].map((each) => each.textContent);
  return {text, dom, document, drawn, faults, captions, changeScheme: () => listeners.forEach((call) => call())};
}

test('what is printed is as the published schema says', async (t) => {
  const file = await loads(t, 1);
  const ajv = new Ajv({strict: true, allowUnionTypes: true});
  addFormats(ajv);
  const {status, stdout} = bench('report', '--schema');
  assert.equal(status, 0);
  assert.equal(stdout, await readFile(SCHEMA, 'utf8'));
  const validate = ajv.compile(JSON.parse(stdout));
  assert.ok(validate(JSON.parse(await readFile(file, 'utf8'))), JSON.stringify(validate.errors));
  assert.ok(validate(run()), JSON.stringify(validate.errors));
  assert.ok(!validate({...run(), measured: {...run().measured, events: 'many'}}));
  assert.ok(!validate({...run(), measured: {}}), 'a run says all of it');
  const compared = bench('compare', file, file, '--json');
  assert.ok(validate(JSON.parse(compared.stdout)), JSON.stringify(validate.errors));
});

test('results of real loads, for people and for programs', async (t) => {
  const file = await loads(t, 2);
  const shown = bench('report', file);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /^load\n(.|\n)*^  answered +100$(.|\n)*^  statuses\.200 +100$/m);
  assert.match(shown.stdout, /^LATENCY +P50 +P90 +P99 +P99 9 +P99 99 +MAX$/m);
  assert.match(shown.stdout, /^latency_from_due_us +[0-9.]+ (us|ms|s) /m);
  const lines = bench('report', file, '--json').stdout.trim().split('\n');
  assert.deepEqual(lines, (await readFile(file, 'utf8')).trim().split('\n'));
});

test('percentiles are written for the tools of HdrHistogram', async (t) => {
  const file = await loads(t, 1);
  const out = path.join(path.dirname(file), 'percentiles');
  assert.equal(bench('report', file, '--percentiles', out).status, 0);
  const text = await readFile(`${out}-latency_from_due_us`, 'utf8');
  const {latency_from_due_us: due} = JSON.parse(await readFile(file, 'utf8'));
  const rows = text.split('\n').map((line) => line.trim().split(/ +/)).filter((row) => /^[0-9]/.test(row[0]));
  assert.ok(rows.length >= 6);
  assert.deepEqual(rows.at(-1).map(Number), [due.max, 1, 100]);
  assert.ok(rows.some(([value, share]) => Number(value) === due.p99 && Number(share) === 0.99));
  const single = path.join(path.dirname(file), 'single.json');
  await writeFile(single, JSON.stringify({...run(), measured: {}, percentiles: {accept: run().percentiles.accept}}));
  assert.equal(bench('report', single, '--percentiles', out).status, 0);
  assert.match(await readFile(out, 'utf8'), /^ +300\.000 0\.5/m);
});

test('the page draws real runs of the load', async (t) => {
  const {document, captions, drawn} = await opened(t, await loads(t, 2));
  assert.equal(document.title, 'load: 2 runs');
  assert.ok(captions().includes('Latency by percentile'));
  assert.equal(document.querySelectorAll('section').length, 2);
  assert.match(document.body.textContent, /All runs/);
  assert.ok(drawn.lines > 0);
});

test('the page draws each chart of a run, and again when the colours change', async (t) => {
  const {dom, document, captions, drawn, changeScheme, faults} = await opened(t, await written(t, run(), run({cpu: 22})));
  const ofRun = ['Rate, a second', 'Backlog', 'CPU per event', 'Resident memory'];
  assert.deepEqual(captions(), ['Latency by percentile', ...ofRun, ...ofRun]);
  assert.equal(document.querySelectorAll('.uplot canvas').length, 9);
  for (const label of ['90 %', '99 %', '99.9 %', '99.99 %']) assert.ok(drawn.texts.includes(label), `${label} of ${drawn.texts}`);
  const legend = [...document.querySelectorAll('#overview .u-legend .u-label')].map((each) => each.textContent);
  assert.deepEqual(legend, ['percentile', '1 accept', '1 e2e', '2 accept', '2 e2e']);
  assert.ok(drawn.lines > 9 * 5);
  const before = drawn.texts.length;
  changeScheme();
  await new Promise((resolve) => dom.window.requestAnimationFrame(resolve));
  assert.ok(drawn.texts.length > before);
  assert.equal(document.querySelectorAll('.uplot canvas').length, 9);
  assert.deepEqual(faults, []);
  const meters = [...document.querySelectorAll('meter')].map((each) => Number(each.getAttribute('value')));
  assert.deepEqual(meters, [9.1, 8, 9.1, 8]);
  assert.match(document.body.textContent, /a CPU/);
});

test('the page needs nothing else, and lets nothing else in', async (t) => {
  const {text, document} = await opened(t, await written(t, run()));
  for (const each of document.querySelectorAll('*')) {
    for (const name of ['src', 'href', 'srcset', 'style', 'onclick', 'onload', 'onerror']) {
      // uPlot sets styles by the object model, which a policy allows; none is in the page's text.
      if (name !== 'style') assert.equal(each.getAttribute(name), null, each.outerHTML.slice(0, 99));
    }
  }
  assert.doesNotMatch(text.replaceAll(/<(script|style)[^]*?<\/\1>/g, ''), /style=|url\(|@import/);
  const policy = document.querySelector('meta[http-equiv=Content-Security-Policy]').content;
  const hash = (content) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  const contents = (selector) => [...document.querySelectorAll(selector)].map((each) => hash(each.textContent));
  assert.equal(
      policy,
      `default-src 'none'; script-src ${contents('script:not([type])').join(' ')}; ` +
          `style-src ${contents('head > style').join(' ')}; base-uri 'none'; form-action 'none'`);
  assert.equal(document.querySelector('meta[name=viewport]').content, 'width=device-width, initial-scale=1');
});

test('texts of results stay texts on the page', async (t) => {
  const evil = '</script><script>globalThis.pwned = 1</script><img src=x onerror=pwned=1>\u2028<!--';
  const result = run({
    scenario: evil, started_at: evil, machine: {[evil]: evil}, invalid_because: [evil], valid: false,
    percentiles: {[evil]: [[50, 1], [90, 2]]}, configuration: {a: evil},
  });
  result.measured.cpu_us_per_event_by_thread = {[evil]: 1};
  const {dom, document} = await opened(t, await written(t, result));
  assert.equal(dom.window.pwned, undefined);
  assert.equal(document.querySelectorAll('img').length, 0);
  assert.equal(document.querySelectorAll('script').length, 3);
  assert.deepEqual(JSON.parse(document.getElementById('results').textContent), [result]);
  assert.equal(document.querySelectorAll('.bad').length, 1);
});

test('a result with next to nothing in it is a page as well', async (t) => {
  const bare = {schema: 1, kind: 'run', scenario: 'accept', measured: {}, valid: true};
  const odd = {...bare, series: [{t_s: 1}, {t_s: 'x'}, null], percentiles: {accept: [[50], 'x', null]}};
  const knee = {format: 'headrace.bench.knee/1', valid: true, knee_per_s: 7, steps: []};
  const {captions} = await opened(t, await written(t, bare, odd, knee));
  assert.deepEqual(captions(), []);
});

test('uPlot is what its package holds', async () => {
  const folder = path.join(WEB, 'vendored/uplot');
  const sums = (await readFile(path.join(folder, 'SHA256SUMS'), 'utf8')).trim().split('\n');
  assert.equal(sums.length, 3);
  for (const line of sums) {
    const [sum, name] = line.split(/ +/);
    assert.equal(createHash('sha256').update(await readFile(path.join(folder, name))).digest('hex'), sum, name);
  }
  assert.match(await readFile(path.join(folder, 'README.md'), 'utf8'), /uPlot 1\.6\.32/);
  assert.match(await readFile(path.join(folder, 'uPlot.iife.min.js'), 'utf8'), /^\/\*! .*\(v1\.6\.32\) \*\//);
});

test('compare says what differs by more than noise', async (t) => {
  const a = await written(t, run({cpu: 20}), run({cpu: 21}), run({cpu: 22}));
  const b = await written(t, run({cpu: 25}), run({cpu: 24}), run({cpu: 26, configuration: {durability: 'fsync'}}));
  const {status, stdout} = bench('compare', a, b, '--json');
  assert.equal(status, 0);
  const said = JSON.parse(stdout);
  assert.deepEqual(said.figures.cpu_us_per_event, {
    a: {median: 21, min: 20, max: 22}, b: {median: 25, min: 24, max: 26}, ratio: 25 / 21, verdict: 'slower',
  });
  assert.equal(said.figures['accept.p99_us'].verdict, 'same within noise');
  assert.deepEqual(said.differences, []);
  const table = bench('compare', a, b).stdout;
  assert.match(table, /^cpu_us_per_event +21\.00 us \[20\.00 us … 22\.00 us\] +25\.00 us \[24\.00 us … 26\.00 us\] +1\.190 +slower$/m);
});

test('expectations that do not hold are exit code 7', async (t) => {
  const a = await written(t, run({cpu: 20}));
  const b = await written(t, run({cpu: 25}));
  const held = bench('report', a, '--expect', 'cpu_us_per_event<=21', '--expect', 'e2e.p99<50ms');
  assert.equal(held.status, 0, held.stderr);
  const missed = bench('report', a, b, '--expect', 'cpu_us_per_event<=21');
  assert.equal(missed.status, 7);
  assert.equal(missed.stderr, 'headrace: result 2: cpu_us_per_event is 25.00 us, expected <= 21\n');
  assert.equal(bench('compare', a, b, '--expect', 'cpu_us_per_event.ratio<=1.25').status, 0);
  const slower = bench('compare', a, b, '--expect', 'cpu_us_per_event.ratio<=1.05');
  assert.equal(slower.status, 7);
  assert.equal(slower.stderr, 'headrace: cpu_us_per_event.ratio is 1.250, expected <= 1.05\n');
  const invalid = await written(t, run({valid: false}));
  assert.equal(bench('report', invalid, '--expect', 'cpu_us_per_event<=21').status, 7);
});

test('expectations of a load', async (t) => {
  const sink = await startSink();
  const url = `${sink.urls[0]}/0`;
  const held = load(url, '--expect', 'latency_from_due.p99<300s', '--expect', 'statuses.200==100');
  assert.equal(held.status, 0, held.stderr);
  assert.equal(held.stderr, '');
  const missed = load(url, '--expect', 'answered>=101', '--expect', 'send_lag.p50<0us');
  assert.equal(missed.status, 7);
  assert.match(missed.stderr, /^headrace: answered is 100, expected >= 101\nheadrace: send_lag_us\.p50 is .*, expected < 0us\n$/);
  assert.equal(JSON.parse(missed.stdout).answered, 100);
  const {counts} = await sink.stop();
  const before = counts.requests;
  // Before anything is sent: nobody listens there any more, which would be exit code 4.
  for (const wrong of ['nothing<1', 'answered', 'latency_from_due.p99<5', 'latency_from_due.p99<5KB']) {
    const refused = load(url, '--expect', wrong);
    assert.equal(refused.status, 2, wrong);
    assert.match(refused.stderr, new RegExp(`^headrace: --expect ${wrong}: `));
  }
  assert.equal(load(url).status, 4);
  assert.equal(before, 200);
});

// Runs the load on a terminal: what that showed.
async function onTerminal(args, seen = () => {}) {
  const command = [BINARY, 'bench', 'load', ...args].map(quoted).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: cleanEnvironment({SHELL: '/bin/sh', TERM: 'xterm'}), stdio: ['ignore', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    shown += chunk;
    seen(shown);
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, shown);
  return shown;
}

test('a terminal shows how it goes, and nothing of that is left', async (t) => {
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  // The second message is answered once the line was seen.
  const sink = await scratch.sink(t, {answer: () => sink.records.length < 2 ? 200 : released.then(() => 200)});
  const shown = await onTerminal(
      [sink.url, '--closed', '--connections', '1', '--messages', '2', '--timeout', '300s', '--duration', '60s'],
      (text) => /sent [0-9]+\/s,.*backlog 1/.test(text) && release());
  assert.match(shown, /\r[0-9]+s sent [0-9]+\/s, (?:answered [0-9]+\/s, )?2xx [0-9]+\/s, p50 .*, p99 .*, backlog 1, errors 0\/s\x1b\[K/);
  assert.match(shown, /\r\x1b\[Kclosed loop, 1 connections/);
  const silent = await onTerminal([sink.url, '--closed', '--messages', '2', '--duration', '60s', '--no-progress']);
  assert.doesNotMatch(silent, /\x1b/);
});

test('exit codes', async (t) => {
  const good = await written(t, run());
  const bad = path.join(await scratch.folder(t), 'bad.json');
  await writeFile(bad, `${JSON.stringify(run())}\n{"kind":`);
  const codes = [
    [2, 'report'], [3, 'report', '/nowhere.json'], [3, 'report', bad], [1, 'report', good, '--html', '/nowhere/page.html'],
    [2, 'report', good, '--expect', 'nothing<1'], [2, 'compare', good], [2, 'compare', good, good, '--expect', 'x.ratio<1'],
    [2, 'compare', good, good, '--expect', 'x'], [3, 'compare', good, bad],
  ];
  for (const [code, ...args] of codes) {
    const {status, stderr} = bench(...args);
    assert.equal(status, code, `${args.join(' ')}: ${stderr}`);
    assert.notEqual(stderr, '');
  }
  assert.match(bench('report', bad).stderr, /bad\.json: result 2: /);
});
