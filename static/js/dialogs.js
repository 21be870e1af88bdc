// htmx loads a dialog into #dialog; this opens it, closes it and returns the focus.
import { closeDialog, isFormPath, placeMessages } from "./drawer.js";
import { twinOf } from "./same_element.js";

let opener = null;

export function startDialogs() {
  document.addEventListener("htmx:beforeSwap", rememberOpener);
  document.addEventListener("htmx:afterSwap", showDialog);
  document.addEventListener("click", openFromLink);
  document.addEventListener("click", closeFromButton);
  document.addEventListener("close", tidyUp, true);
}

function rememberOpener({ detail: { target, requestConfig } }) {
  if (target.id !== "dialog") return;
  placeMessages(null);
  // A step from one dialog to the next keeps the first opener. A link has set it by itself.
  const isStep = requestConfig.elt.closest("#dialog") || requestConfig.elt === document.body;
  if (!isStep) opener = requestConfig.elt;
}

function showDialog({ detail: { target } }) {
  if (target.id !== "dialog") return;
  const dialog = target.querySelector("dialog");
  // An empty answer closes it: what was asked is saved.
  if (!dialog) {
    returnFocus();
    return;
  }
  dialog.showModal();
  placeMessages(dialog);
}

// A status in a list, the form of a record and the help: their links would open pages.
function openFromLink(event) {
  const link = event.target.closest("a[href]");
  if (!link || !opensHere(link) || event.defaultPrevented) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  openDialog(link.href, link);
}

function closeFromButton(event) {
  const dialog = event.target.closest("[data-close]")?.closest("dialog");
  if (!dialog) return;
  event.preventDefault();
  closeDialog(dialog);
}

function tidyUp({ target }) {
  placeMessages(null);
  // What is in the fields of a closed drawer is given up.
  if (target.matches(".drawer")) target.remove();
  returnFocus();
}

// Load what is at the address into a dialog; when it closes, the focus returns to `from`.
export function openDialog(address, from) {
  opener = from;
  // Not from a link: it would inherit from the list's form that a request changes the address.
  htmx.ajax("GET", address, "#dialog");
}

// Not on the page of a form itself, whose fields have the same names.
function opensHere(link) {
  if (link.matches(".set-status, [data-help]")) return true;
  const isForm = link.origin === location.origin && isFormPath(link.pathname);
  return isForm && link.closest("main") && !document.querySelector("main #record");
}

// The browser returns the focus by itself, unless the opener was replaced while the dialog was
// open: then the focus goes to the element that took the opener's place.
function returnFocus() {
  const focused = document.activeElement;
  const isLost = focused === document.body || focused.closest("#dialog");
  if (isLost && opener) twinOf(opener, document)?.focus();
}
