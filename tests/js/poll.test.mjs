// When an open page asks for recent changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  delayAfter,
  INTERVAL,
  INTERVAL_AFTER_FAILURE,
  Poll,
  REST_AFTER,
} from "../../static/js/recent_changes/poll.js";

// A clock that stands until advance() is called.
class Clock {
  time = 0;
  #timers = new Map();
  #last = 0;
  now = () => this.time;
  setTimeout = (run, delay) => {
    this.#last += 1;
    this.#timers.set(this.#last, { run, at: this.time + delay });
    return this.#last;
  };
  async advance(milliseconds) {
    const end = this.time + milliseconds;
    while (true) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end);
      if (!due.length) break;
      const [id, timer] = due.sort((a, b) => a[1].at - b[1].at)[0];
      this.#timers.delete(id);
      this.time = timer.at;
      timer.run();
      await settle();
    }
    this.time = end;
  }
}

// Let promises that are resolved already run what waits for them.
const settle = () => new Promise((resolve) => setImmediate(resolve));

function started(ask = async () => 204) {
  const clock = new Clock();
  const page = { hidden: false };
  const calls = [];
  const poll = new Poll({
    ask: () => {
      calls.push(clock.time);
      return ask();
    },
    isHidden: () => page.hidden,
    clock,
  });
  poll.start();
  return { poll, clock, page, calls };
}

test("the next request depends on the status of the answer", () => {
  assert.equal(delayAfter(200), INTERVAL);
  assert.equal(delayAfter(204), INTERVAL);
  assert.equal(delayAfter(410), null);
  assert.equal(delayAfter(503), INTERVAL_AFTER_FAILURE);
});

test("it asks soon after the page is made, then at each interval", async () => {
  const { clock, calls } = started();
  await clock.advance(INTERVAL / 4 + 2 * INTERVAL);
  assert.deepEqual(calls, [INTERVAL / 4, INTERVAL / 4 + INTERVAL, INTERVAL / 4 + 2 * INTERVAL]);
});

test("after a failure it waits longer", async () => {
  for (const ask of [async () => 503, () => Promise.reject(new Error("offline"))]) {
    const { clock, calls } = started(ask);
    await clock.advance(INTERVAL / 4 + INTERVAL_AFTER_FAILURE - 1);
    assert.equal(calls.length, 1);
    await clock.advance(1);
    assert.equal(calls.length, 2);
  }
});

test("a hidden page asks nothing, and asks at once when it is shown again", async () => {
  const { poll, clock, page, calls } = started();
  page.hidden = true;
  poll.wake();
  await clock.advance(10 * INTERVAL);
  assert.deepEqual(calls, []);
  page.hidden = false;
  poll.wake();
  await clock.advance(0);
  assert.equal(calls.length, 1);
});

test("a page that nobody uses rests until it is used", async () => {
  const { poll, clock, calls } = started();
  await clock.advance(REST_AFTER + INTERVAL);
  const asked = calls.length;
  await clock.advance(REST_AFTER);
  assert.equal(calls.length, asked);
  poll.wake();
  await clock.advance(INTERVAL);
  assert.equal(calls.length, asked + 2);
});

test("using the page keeps it from resting and does not hurry it", async () => {
  const { poll, clock, calls } = started();
  await clock.advance(REST_AFTER - 1);
  const asked = calls.length;
  poll.wake();
  await clock.advance(0);
  assert.equal(calls.length, asked);
  await clock.advance(2 * INTERVAL + 1);
  assert.equal(calls.length, asked + 2);
});

test("it sends no second request while the first waits for its answer", async () => {
  let answer;
  const { poll, clock, calls } = started(() => new Promise((resolve) => (answer = resolve)));
  await clock.advance(INTERVAL / 4);
  for (let moves = 0; moves < 50; moves += 1) {
    poll.wake();
    await clock.advance(16);
  }
  assert.equal(calls.length, 1);
  answer(204);
  await settle();
  await clock.advance(INTERVAL);
  assert.equal(calls.length, 2);
});

test("after 410 it never asks again", async () => {
  const { poll, clock, calls } = started(async () => 410);
  await clock.advance(INTERVAL);
  poll.wake();
  await clock.advance(REST_AFTER);
  assert.equal(calls.length, 1);
});
