// htmx loads a dialog into #dialog; this opens it, closes it and returns the focus.
import { twinOf } from "./same_element.js";

let opener = null;

export function startDialogs() {
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig } = event.detail;
    // A step from one dialog to the next keeps the first opener. A status has set it by itself.
    const isStep = requestConfig.elt.closest("#dialog") || requestConfig.elt === document.body;
    if (target.id === "dialog" && !isStep) opener = requestConfig.elt;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const { target } = event.detail;
    if (target.id !== "dialog") return;
    const dialog = target.querySelector("dialog");
    // An empty answer closes it: what was asked is saved.
    if (dialog) dialog.showModal();
    else returnFocus();
  });

  // A status in a list: its link would open a page of its own.
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".set-status");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    opener = link;
    // Not from the link: it would inherit from the list's form that a request changes the address.
    htmx.ajax("GET", link.href, "#dialog");
  });

  document.addEventListener("click", (event) => {
    const dialog = event.target.closest("[data-close]")?.closest("dialog");
    if (!dialog) return;
    event.preventDefault();
    dialog.close();
  });

  document.addEventListener("close", returnFocus, true);
}

// The browser returns the focus by itself, unless the opener was replaced while the dialog was
// open: then the focus goes to the element that took the opener's place.
function returnFocus() {
  const focused = document.activeElement;
  const isLost = focused === document.body || focused.closest("#dialog");
  if (isLost && opener) twinOf(opener, document)?.focus();
}
