// Marks the records and the changes on the page that somebody else has just changed.
import { ownerOf } from "../same_element.js";
import { changeKeyOf } from "./changes.js";
import { markText } from "./texts.js";

const UNMARKED = "[data-record]:not(.recent-change), [data-change]:not(.recent-change)";
const TEXT_PLACE = "th, td, .card-facts, .platform-head, .lead";

export class Marks {
  #shown;
  #known = new Map(); // the text and the version of each mark, by the key of what it marks

  constructor(shown) {
    this.#shown = shown;
  }

  mark(change) {
    if (change.person === "You") return;
    const { element, place } = this.#findPlace(change);
    if (!element || (change.kind === "deleted" && place !== "change")) return;
    const text = markText(change, place);
    this.#known.set(ownerOf(element), { text, version: element.dataset.version });
    draw(element, text);
  }

  // Mark elements again that were replaced by a copy of the same version, without animation.
  restore() {
    for (const element of document.querySelectorAll(UNMARKED)) {
      const known = this.#known.get(ownerOf(element));
      if (!known || known.version !== element.dataset.version) continue;
      draw(element, known.text);
      element.classList.add("recent-change-restored");
    }
  }

  #findPlace(change) {
    const inHistory = this.#shown.findChange(changeKeyOf(change));
    if (inHistory) return { element: inHistory, place: "change" };
    const record = this.#shown.findRecord(change.record);
    if (record) return { element: record, place: "record" };
    return { element: this.#shown.findRecord(`accounts/${change.account}`), place: "account" };
  }
}

function draw(element, text) {
  element.classList.remove("recent-change-restored");
  element.classList.add("recent-change");
  element.querySelector(".recent-change-by")?.remove();
  const by = document.createElement("span");
  by.className = "recent-change-by";
  by.textContent = text;
  const summary = element.querySelector(".change > details > summary > span");
  if (summary) summary.after(by);
  else (element.querySelector(TEXT_PLACE) ?? element).append(by);
}
