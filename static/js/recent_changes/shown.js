// Looks up the records and changes that the page shows.
import { ownerOf } from "../same_element.js";
import { shorten } from "./texts.js";

const NAME = "h1, .row-link, .row-text, .platform-head b, .use-case-gist, .prose";
const MARKABLE = "[data-record], [data-change]";

export class Shown {
  #main;

  // `main` is the <main> of the page.
  constructor(main) {
    this.#main = main;
  }

  findRecord(key) {
    return document.querySelector(`[data-record="${CSS.escape(key)}"]`);
  }

  findChange(key) {
    return document.querySelector(`[data-change="${CSS.escape(key)}"]`);
  }

  hasChange(key) {
    return this.findChange(key) !== null;
  }

  // Return the version of the record that the page shows, or undefined.
  versionOf(key) {
    return this.findRecord(key)?.dataset.version;
  }

  // Return the records and the changes on the page, in its order.
  all() {
    return [...document.querySelectorAll(MARKABLE)];
  }

  // Map the key of each record and change on the page to its version.
  versions() {
    return new Map(this.all().map((each) => [ownerOf(each), each.dataset.version ?? ""]));
  }

  // Return the record's name for people: its title or the beginning of its text; "" if the page
  // does not show it.
  recordName(key) {
    return shorten(this.findRecord(key)?.querySelector(NAME)?.textContent.trim() ?? "");
  }

  // Return the team of an account, or its BSNID if the page does not name the team.
  teamOf(bsnid) {
    const end = CSS.escape(encodeURIComponent(bsnid));
    const page = `/accounts/${end}/`;
    const link = this.#main.querySelector(`a[href$="${page}"], a[href*="${page}?"]`);
    return this.recordName(`accounts/${bsnid}`) || link?.textContent.trim() || bsnid;
  }
}
