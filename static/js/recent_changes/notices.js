// Reports changes that a mark cannot show: with toasts, with a banner, and to screen readers.
import { showToast } from "../toasts.js";
import { changeUnderEdit, deletionsForToasts, isPagesAccount } from "./changes.js";
import { keepInPlace } from "./scroll.js";
import { announcement } from "./texts.js";

export class Notices {
  #main;
  #page;
  #shown;

  constructor(main, page, shown) {
    this.#main = main;
    this.#page = page;
    this.#shown = shown;
  }

  // `sentences` maps each change to its sentence; `wasShown` is for deletionsForToasts().
  tell(changes, sentences, wasShown) {
    this.#warn(changes, sentences);
    const others = changes.filter((change) => change.person !== "You");
    if (!others.length) return;
    const texts = others.map((change) => sentences.get(change));
    document.getElementById("live-announcement").textContent = announcement(texts);
    for (const change of deletionsForToasts(others, this.#page, wasShown)) {
      showToast("live-toast", sentences.get(change));
    }
  }

  // The page of a deleted account stays readable, without the controls that change the account.
  endAccountPage(heading) {
    if (!document.getElementById("account-head")) return;
    this.#main.classList.add("is-gone");
    this.#showBanner(this.#main, heading, "gone");
  }

  #warn(changes, sentences) {
    const editor = document.getElementById("record");
    if (editor) this.#warnEditor(editor, changes, sentences);
    else this.#warnAccountPage(changes, sentences);
  }

  #warnEditor(editor, changes, sentences) {
    const version = editor.querySelector("[name=updated_at]")?.value ?? "";
    const change = changeUnderEdit(changes, editor.dataset.editing, version, this.#page);
    if (!change) return;
    const kind = change.kind === "deleted" ? "deleted" : "changed";
    this.#showBanner(editor, `${sentences.get(change)} just now`, kind);
  }

  #warnAccountPage(changes, sentences) {
    const change = changes.findLast((each) => isPagesAccount(each, this.#page));
    if (change?.kind === "deleted") {
      this.endAccountPage(`${sentences.get(change)} just now`);
    } else if (change && this.#main.matches(".is-gone")) {
      this.#main.classList.remove("is-gone");
      document.querySelector(".live-banner")?.remove();
    }
  }

  // `kind` is changed, deleted or gone: which of the banner's parts to show.
  #showBanner(place, heading, kind) {
    const copy = document.getElementById("live-banner").content.cloneNode(true);
    copy.querySelector("h2").textContent = heading;
    for (const part of copy.querySelectorAll("[data-if]")) {
      if (!part.dataset.if.split(" ").includes(kind)) part.remove();
    }
    for (const link of copy.querySelectorAll("[data-history]")) {
      link.href = this.#main.querySelector("a[href$='/history/']")?.href ?? link.href;
    }
    keepInPlace(this.#main, this.#shown, () => {
      document.querySelector(".live-banner")?.remove();
      place.prepend(copy);
    });
  }
}
