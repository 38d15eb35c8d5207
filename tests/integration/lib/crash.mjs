// SPDX-License-Identifier: Apache-2.0
// Kills a daemon under load, again and again, and counts what became of every message that got a
// 2xx. The messages are GitHub's, numbered in the header that names a delivery.
//
// Rounds of four kinds take turns, each ended by SIGKILL at a seeded instant:
//   stuck      load, while the endpoint takes requests and answers none: all accepted is open
//   flowing    load, while it answers, save a few requests: most is done, some is cut in the middle
//   refusing   load, while it refuses half of the requests: much waits for a retry
//   resuming   no load: what the restart takes up again is cut in the middle
import {Daemon} from './daemon.mjs';
import {byHeader, payloads, register} from './github.mjs';
import {Client} from './http.mjs';
import {Sink, sha256} from './sink.mjs';

const ACCEPTED_PER_ROUND = [50, 1500];
const RESUMED_BEFORE_KILL = [1, 200];
const HELD_PER_ROUND = 16;
const HELD_OF = 8;  // one of so many requests, until there are HELD_PER_ROUND
const PATIENCE_SECONDS = 120;
const KINDS = ['stuck', 'flowing', 'refusing', 'resuming'];
const SCHEDULE = Array(50).fill('1s');  // outlasts every round
const UNNOTED_MAX = 512;                // what a kill may leave delivered and not on record: in flight, or in
                                        // the store's next group

// mulberry32: a small seeded generator of numbers in [0, 1).
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class CrashRun {
  constructor({data, seed, connections = 8, say = () => {}}) {
    Object.assign(this, {data, connections, say});
    this.plan = seededRandom(seed);        // of the rounds: the same for the same seed
    this.random = seededRandom(seed + 1);  // of bodies and answers: as the rounds go
    this.sent = new Map();                 // number → SHA-256 of its body
    this.accepted = new Set();             // numbers that got a 2xx
    this.refused = new Set();              // numbers that got another answer
    this.payloads = payloads();
    this.delivered = new Map();            // number → how often the endpoint took it with a 2xx
    this.damaged = 0;
    this.unknown = 0;  // deliveries of what nobody sent
    this.kills = 0;
    this.held = [];  // how to answer what is left unanswered
  }

  // Answers {rounds, accepted, delivered, duplicates, duplicatesMax, unanswered, neverAccepted,
  // damaged, lost, exitCode}.
  async run(rounds) {
    this.sink =
        await Sink.start({keep: (request, body) => this.#keep(request, body), answer: () => this.#answer()});
    this.sink.on('answered', (number, status) => this.#count(number, status));
    try {
      for (let round = 1; round <= rounds; ++round) await this.#round(round, rounds);
      await this.#finish();
    } finally {
      await this.daemon?.kill();
      this.#release();
      await this.sink.close();
    }
    return this.#totals(rounds);
  }

  #between([least, most], random = this.random) {
    return least + Math.floor(random() * (most - least + 1));
  }

  async #start() {
    this.daemon = await Daemon.start({data: this.data});
    if (this.link !== undefined) return;
    const registered = await register(
        this.daemon.api,
        {events: this.#events(), url: this.sink.url, retry: {schedule: SCHEDULE}});
    this.link = registered.link;
  }

  #events() {
    return [...new Set(this.payloads.map(({name}) => name))].map(byHeader);
  }

  async #round(round, rounds) {
    this.kind = KINDS[(round - 1) % KINDS.length];
    await this.#start();
    const before = this.accepted.size;
    if (this.kind === 'resuming')
      await this.#resume();
    else
      await this.#load(this.#between(ACCEPTED_PER_ROUND, this.plan));
    await this.daemon.kill();
    ++this.kills;
    this.#release();
    const open = this.#missing().length;
    this.say(`round ${round}/${rounds}, ${this.kind}: ${
        this.accepted.size - before} accepted, killed, ${open} of ${this.accepted.size} open`);
  }

  // Posts over several connections; kills the daemon at the very answer that is number `count`.
  async #load(count) {
    const end = {left: count};
    const senders = Array.from({length: this.connections}, () => this.#send(end));
    await Promise.all(senders);
  }

  async #send(end) {
    const client = new Client({connections: 1});
    try {
      for (;;) {
        const number = this.sent.size;
        const {body, headers} = this.payloads[this.#between([0, this.payloads.length - 1])];
        this.sent.set(number, sha256(body));
        const answer = await client.send(
            'POST', this.daemon.linkUrl(this.link), body,
            {...headers, 'x-github-delivery': `delivery-${number}`});
        if (answer.status !== 200) {
          this.refused.add(number);
          continue;
        }
        this.accepted.add(number);
        if (--end.left === 0) await this.daemon.kill();
      }
    } catch (error) {
      if (end.left > 0) throw error;  // the daemon is gone, and it was not us
    } finally {
      client.close();
    }
  }

  // No load: the restarted daemon takes up what is open, and is killed while it does.
  async #resume() {
    const few = this.#between(RESUMED_BEFORE_KILL, this.plan);
    const wanted = this.sink.records.length + Math.min(this.#missing().length, few);
    await this.sink.reaches(
        () => this.sink.records.length >= wanted,
        {what: 'the restarted daemon takes up nothing', seconds: PATIENCE_SECONDS});
  }

  #keep(request, body) {
    const number = Number(request.headers['x-github-delivery'].replace('delivery-', ''));
    if (!this.sent.has(number)) {
      ++this.unknown;
    } else if (this.sent.get(number) !== sha256(body)) {
      ++this.damaged;
    }
    return number;
  }

  #answer() {
    if (this.kind === 'finishing') return 200;
    if (this.kind === 'stuck') return this.#hold();
    if (this.kind === 'refusing') return this.random() < 0.5 ? 200 : 503;
    const isHeld = this.held.length < HELD_PER_ROUND && this.random() * HELD_OF < 1;
    return isHeld ? this.#hold() : 200;
  }

  #hold() {
    return new Promise((resolve) => this.held.push(resolve));
  }

  #release() {
    for (const answer of this.held.splice(0)) answer(null);
  }

  #count(number, status) {
    if (status === 200) this.delivered.set(number, (this.delivered.get(number) ?? 0) + 1);
  }

  #missing() {
    return [...this.accepted].filter((number) => !this.delivered.has(number));
  }

  async #finish() {
    this.kind = 'finishing';
    await this.#start();
    const count = () => this.#missing().length;
    try {
      let last = -1;  // wait as long as there is progress
      while (count() > 0 && count() !== last) {
        last = count();
        await this.sink
            .reaches(
                () => count() === 0, {what: 'deliveries are missing', seconds: PATIENCE_SECONDS})
            .catch(() => {});
      }
    } finally {
      this.exitCode = await this.daemon.stop();
    }
  }

  #totals(rounds) {
    const deliveries = [...this.delivered.values()].reduce((sum, times) => sum + times, 0);
    const of = (numbers) => numbers.filter((number) => this.delivered.has(number)).length;
    const delivered = of([...this.accepted]);
    return {
      rounds,
      accepted: this.accepted.size,
      delivered,
      duplicates: deliveries - this.delivered.size,
      duplicatesMax: this.kills * UNNOTED_MAX,
      unanswered: this.delivered.size - delivered,  // delivered, though the kill cut off the 2xx
      neverAccepted: this.unknown + of([...this.refused]),
      damaged: this.damaged,
      lost: this.accepted.size - delivered,
      exitCode: this.exitCode,
    };
  }
}
