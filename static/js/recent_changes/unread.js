// In a history, new changes are added at the top. A reader further down gets a button that leads
// to them.
import { ownerOf } from "../same_element.js";
import { changeKeyOf } from "./changes.js";
import { isAboveView } from "./scroll.js";
import { newChangesText } from "./texts.js";

export class Unread {
  #main;
  #shown;
  #keys = new Set();

  constructor(main, shown) {
    this.#main = main;
    this.#shown = shown;
  }

  start() {
    const removeWhenRead = () => {
      if (this.#keys.size && !this.#above().length) removeButton();
    };
    document.addEventListener("scroll", removeWhenRead, { passive: true });
  }

  // Count the changes, if they are marked and above the window, and offer to show them.
  add(changes) {
    const elements = changes.map((change) => this.#shown.findChange(changeKeyOf(change)));
    for (const element of elements) {
      if (element?.matches(".recent-change") && isAboveView(element)) {
        this.#keys.add(ownerOf(element));
      }
    }
    removeButton();
    const { length } = this.#above();
    if (length) this.#offer(length);
  }

  #offer(count) {
    const button = document.getElementById("live-more").content.firstElementChild.cloneNode(true);
    button.querySelector("span").textContent = newChangesText(count);
    button.addEventListener("click", () => {
      const newest = this.#above()[0]?.querySelector("summary");
      newest?.scrollIntoView({ block: "center" });
      newest?.focus({ preventScroll: true });
      this.#keys.clear();
      button.remove();
    });
    this.#main.prepend(button);
  }

  // Return the unread changes that are still above the window, and forget the others.
  #above() {
    const marked = [...document.querySelectorAll("[data-change].recent-change")];
    const above = marked.filter((each) => this.#keys.has(ownerOf(each)) && isAboveView(each));
    this.#keys = new Set(above.map(ownerOf));
    return above;
  }
}

function removeButton() {
  document.querySelector(".live-more")?.remove();
}
