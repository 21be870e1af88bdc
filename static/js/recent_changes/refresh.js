// Requests the page again and replaces its regions. A region that the reader uses stays; it is
// replaced when the reader has left it.
import { unexplainedKeys } from "./changes.js";
import { findRegions, isInUse, replaceRegion } from "./regions.js";
import { keepInPlace } from "./scroll.js";

const LEAVING_TAKES = 300; // milliseconds until it is known where the focus goes

export class Refresh {
  // The keys of changes that a refresh showed before the server reported them.
  shownEarly = new Set();
  #main;
  #shown;
  #marks;
  #unread;
  #onAccountGone;
  #waiting = []; // the changes that regions in use do not show yet

  constructor({ main, shown, marks, unread, onAccountGone }) {
    this.#main = main;
    this.#shown = shown;
    this.#marks = marks;
    this.#unread = unread;
    this.#onAccountGone = onAccountGone;
  }

  start() {
    const catchUp = () => this.#catchUp();
    document.addEventListener("focusout", catchUp);
    document.addEventListener("toggle", catchUp, true);
    document.addEventListener("htmx:afterSettle", () => this.#marks.restore());
  }

  // Throws if the page cannot be loaded now.
  async show(changes) {
    const regions = findRegions();
    if (!regions.length) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.status === 404) {
      this.#onAccountGone();
      return;
    }
    if (!answer.ok) throw new Error(`${answer.status}`);
    const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
    keepInPlace(this.#main, this.#shown, () => this.#replace(regions, newer, changes));
    this.#unread.add(changes);
  }

  #replace(regions, newer, changes) {
    const before = this.#shown.versions();
    this.#waiting = [];
    for (const region of regions) {
      if (isInUse(region)) this.#waiting.push(...changes);
      else replaceRegion(region, newer.getElementById(region.id));
    }
    for (const key of unexplainedKeys(before, this.#shown.versions(), changes)) {
      this.shownEarly.add(key);
    }
    this.#marks.restore();
    for (const change of changes) this.#marks.mark(change);
  }

  #catchUp() {
    if (!this.#waiting.length) return;
    const changes = this.#waiting;
    this.#waiting = [];
    setTimeout(
      () => this.show(changes).catch(() => this.#waiting.push(...changes)),
      LEAVING_TAKES,
    );
  }
}
