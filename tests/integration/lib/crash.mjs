// SPDX-License-Identifier: Apache-2.0
// Kills a daemon under load, again and again, and counts what became of every message that got a
// 2xx.
//
// The instants are seeded: a round ends with SIGKILL after a random number of acceptances, or, in
// every fourth round, without new load, after a random number of deliveries that the restart took
// up again. The endpoint leaves some requests unanswered until the kill, so that deliveries are cut
// in the middle.
import {Daemon} from './daemon.mjs';
import {byHeader, register} from './github.mjs';
import {Client} from './http.mjs';
import {Sink, sha256} from './sink.mjs';

const ACCEPTED_PER_ROUND = [50, 1500];
const TAKEN_UP_BEFORE_KILL = 50;
const BODY_BYTES = [200, 9000];
const HELD_PER_ROUND = 16;
const HELD_OF = 8;  // one of so many requests, until there are HELD_PER_ROUND
const PATIENCE_SECONDS = 120;

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
    this.random = seededRandom(seed);
    this.sent = new Map();       // number → SHA-256 of its body
    this.accepted = new Set();   // numbers that got a 2xx
    this.delivered = new Map();  // number → how often the endpoint got it
    this.damaged = 0;
    this.held = [];  // how to answer what is left unanswered
  }

  // Answers {rounds, accepted, delivered, duplicates, unanswered, damaged, lost}.
  async run(rounds) {
    this.sink =
        await Sink.start({keep: (_, body) => this.#keep(body), answer: () => this.#answer()});
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

  #between([least, most]) {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  async #start() {
    this.daemon = await Daemon.start({data: this.data});
    if (this.link !== undefined) return;
    const registered =
        await register(this.daemon.api, {events: [byHeader('push')], url: this.sink.url});
    this.link = registered.link;
  }

  async #round(round, rounds) {
    await this.#start();
    const isLoaded = round % 4 !== 0;
    const before = this.accepted.size;
    if (isLoaded)
      await this.#load(this.#between(ACCEPTED_PER_ROUND));
    else
      await this.#takeUp();
    await this.daemon.kill();
    this.#release();
    const open = this.#missing().length;
    this.say(`round ${round}/${rounds}: ${this.accepted.size - before} accepted, killed, ${
        open} not delivered yet`);
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
        const body = this.#body(number);
        this.sent.set(number, sha256(body));
        const answer = await client.send('POST', this.daemon.linkUrl(this.link), body, {
          'content-type': 'application/json',
          'x-github-event': 'push',
        });
        if (answer.status !== 200) continue;
        this.accepted.add(number);
        if (--end.left === 0) await this.daemon.kill();
      }
    } catch (error) {
      if (end.left > 0) throw error;  // the daemon is gone, and it was not us
    } finally {
      client.close();
    }
  }

  #body(number) {
    const fill = 'headrace '.repeat(Math.ceil(this.#between(BODY_BYTES) / 9));
    return JSON.stringify({number, ref: 'refs/heads/main', fill});
  }

  // No load: the restarted daemon takes up what is open, and is killed while it does.
  async #takeUp() {
    const missing = this.#missing().length;
    const wanted = this.sink.records.length +
        Math.min(missing, 1 + Math.floor(this.random() * TAKEN_UP_BEFORE_KILL));
    await this.sink.reaches(
        () => this.sink.records.length >= wanted,
        {what: 'the restarted daemon takes up nothing', seconds: PATIENCE_SECONDS});
  }

  #keep(body) {
    const {number} = JSON.parse(body);
    if (this.sent.get(number) !== sha256(body)) ++this.damaged;
    this.delivered.set(number, (this.delivered.get(number) ?? 0) + 1);
    return number;
  }

  #answer() {
    if (this.isFinishing || this.held.length >= HELD_PER_ROUND || this.random() * HELD_OF >= 1)
      return 200;
    return new Promise((resolve) => this.held.push(() => resolve(200)));
  }

  #release() {
    for (const answer of this.held.splice(0)) answer();
  }

  #missing() {
    return [...this.accepted].filter((number) => !this.delivered.has(number));
  }

  async #finish() {
    this.isFinishing = true;
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
      unanswered: this.delivered.size - delivered,  // delivered, though the kill cut off the 2xx
      damaged: this.damaged,
      lost: this.accepted.size - delivered,
      exitCode: this.exitCode,
    };
  }
}
