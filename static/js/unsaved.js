// Asks before the reader leaves a page with unsaved input in a form.
import { isEdited } from "./recent_changes/regions.js";

const GUARDED = "form[data-guarded]";
const FIELDS = "input:not([type=hidden]), select, textarea";
let isLeaving = false; // the form is saved, or given up on purpose

export function startUnsaved() {
  document.addEventListener("input", (event) => {
    if (event.target.closest(GUARDED)) window.addEventListener("beforeunload", ask);
  });
  if (document.querySelector(`${GUARDED}[data-unsaved]`)) {
    window.addEventListener("beforeunload", ask);
  }
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) isLeaving = true;
  });
  document.addEventListener("submit", ({ target, defaultPrevented }) => {
    if (!defaultPrevented && target.closest(`${GUARDED}, dialog`)) isLeaving = true;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-discards]")) isLeaving = true;
  });
  window.addEventListener("pageshow", () => {
    isLeaving = false;
  });
}

function ask(event) {
  if (isLeaving) return;
  const forms = [...document.querySelectorAll(GUARDED)];
  if (forms.some(isUnsaved)) event.preventDefault();
}

// The server marks a form that it refused: its values are unsaved, although the server wrote them.
export function isUnsaved(form) {
  if ("unsaved" in form.dataset) return true;
  return [...form.elements].some((each) => each.matches(FIELDS) && isEdited(each));
}
