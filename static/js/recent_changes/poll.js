// Asks the server for recent changes at a steady interval. Stops asking while nobody uses the
// page, so that an open page does not keep the warehouse awake. Times are in milliseconds.

export const INTERVAL = 1500;
export const INTERVAL_AFTER_FAILURE = 30_000;
export const REST_AFTER = 10 * 60_000;

// Return the time until the next request after an answer with `status`; null for none.
export function delayAfter(status) {
  if (status === 410) return null;
  return status === 200 || status === 204 ? INTERVAL : INTERVAL_AFTER_FAILURE;
}

export class Poll {
  #ask;
  #isHidden;
  #clock;
  #usedAt;
  #isResting = false;

  // `ask()` sends one request and resolves to the status of its answer. `isHidden()` tells
  // whether the page is in the background. `clock` has now() and setTimeout().
  constructor({ ask, isHidden, clock }) {
    this.#ask = ask;
    this.#isHidden = isHidden;
    this.#clock = clock;
    this.#usedAt = clock.now();
  }

  start() {
    this.#plan(INTERVAL / 4);
  }

  // The reader used the page or came back to it.
  wake() {
    this.#usedAt = this.#clock.now();
    if (!this.#isResting) return;
    this.#isResting = false;
    this.#plan(0);
  }

  #plan(delay) {
    this.#clock.setTimeout(() => this.#run(), delay);
  }

  async #run() {
    this.#isResting = this.#isHidden() || this.#clock.now() - this.#usedAt > REST_AFTER;
    if (this.#isResting) return;
    const delay = await this.#ask().then(delayAfter, () => INTERVAL_AFTER_FAILURE);
    if (delay !== null) this.#plan(delay);
  }
}
