// A form of a record that opens in a drawer over the page. The server answers with the form of the
// page that the link leads to (records/_drawer.html); after it is saved, the page shows the change.
import { findRegions, isInUse, replaceRegion } from "./recent_changes/regions.js";
import { showSelected } from "./selection.js";
import { isUnsaved } from "./unsaved.js";

const FORM =
  /\/(accounts\/new|accounts\/[^/]+\/(edit|(use-cases|updates)\/new)|(use-cases|updates)\/[^/]+\/edit)\/$/;
const ROW = ".attention-row";
const QUESTION = "Close the form? What you typed is not saved.";

// The number of the row of Attention that opened the drawer.
let place = -1;

// Does the path belong to a page with the form of a record?
export function isFormPath(path) {
  return FORM.test(path);
}

export function startDrawer() {
  // Chromium closes a dialog at the second Escape, whatever its "cancel" event is told.
  document.addEventListener("keydown", (event) => {
    const drawer = openDrawer();
    if (event.key !== "Escape" || event.isComposing || !drawer) return;
    event.preventDefault();
    closeDialog(drawer);
  });
  document.addEventListener(
    "cancel",
    (event) => {
      if (event.target !== openDrawer()) return;
      event.preventDefault();
      closeDialog(event.target);
    },
    true,
  );
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target.id === "dialog" && !openDrawer())
      place = rows().indexOf(document.activeElement.closest(ROW));
  });
  document.addEventListener("record-saved", ({ detail }) => showSaved(detail.url));
}

// Close the dialog; ask first if it is a drawer with unsaved input.
export function closeDialog(dialog) {
  const form = dialog.matches(".drawer") && dialog.querySelector("form");
  if (form && isUnsaved(form) && !window.confirm(QUESTION)) return;
  dialog.close();
}

// While a dialog is open, messages are inside it, because nothing else can be clicked.
export function placeMessages(dialog) {
  const messages = document.getElementById("toasts");
  if (dialog) dialog.append(messages);
  else if (messages.closest("dialog")) document.querySelector(".skip-link").after(messages);
}

function openDrawer() {
  return document.querySelector("dialog.drawer[open]");
}

// Show the saved change on this page without a reload. Selected rows stay selected. `url` may name
// the record if it is on another page of the account's records.
async function showSaved(url) {
  const here = new URL(location.href);
  const { searchParams } = new URL(url, here);
  if (!document.getElementById("listing"))
    for (const [name, value] of searchParams) here.searchParams.set(name, value);
  history.replaceState(history.state, "", here);
  const answer = await fetch(here, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const newer = new DOMParser().parseFromString(await answer.text(), "text/html");
  const selected = [...document.querySelectorAll(".pick input:checked")].map((each) => each.value);
  for (const region of findRegions())
    if (region.id === "listing" || !isInUse(region))
      replaceRegion(region, newer.getElementById(region.id));
  document.title = newer.title;
  for (const box of document.querySelectorAll("tbody .pick input"))
    box.checked = selected.includes(box.value);
  showSelected();
  // The row no longer needs attention: move the focus to the row that took its place.
  if (place >= 0 && !document.activeElement.closest(ROW))
    rows()[place]?.querySelector(".button")?.focus();
}

function rows() {
  return [...document.querySelectorAll(ROW)];
}
