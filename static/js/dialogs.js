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
  // A step from one dialog to the next keeps the first opener. For links, openDialog sets it.
  const isStep = requestConfig.elt.closest("#dialog") || requestConfig.elt === document.body;
  if (!isStep) opener = requestConfig.elt;
}

function showDialog({ detail: { target } }) {
  if (target.id !== "dialog") return;
  const dialog = target.querySelector("dialog");
  // An empty answer means that the form was saved: close the dialog.
  if (!dialog) {
    returnFocus();
    return;
  }
  dialog.showModal();
  placeMessages(dialog);
}

// Open a status in a list, the form of a record and the help as dialogs instead of pages.
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
  // The input in a closed drawer is discarded.
  if (target.matches(".drawer")) target.remove();
  returnFocus();
}

// Load the page at the address into a dialog; when it closes, the focus returns to `from`.
export function openDialog(address, from) {
  opener = from;
  // Do not send it from the link, which would inherit hx-push-url from the list's form.
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
