// What the pages do beyond htmx. Everything also works, a little slower, without this file.
"use strict";

document.documentElement.classList.add("js");

const YEAR = 365 * 24 * 60 * 60;

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${value}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
}

function remembered(name) {
  return document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

// --- time zone: the server shows times in it from the next page on ------------------------

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zoneWasKnown = remembered("tz") === zone;
if (zone && !zoneWasKnown) remember("tz", zone);

function showLocalTimes(root) {
  if (zoneWasKnown) return;
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[data-moment]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// What is sent is read in this zone: so it has to be written in it, too.
function showLocalMoment() {
  if (zoneWasKnown) return;
  for (const input of document.querySelectorAll("input[data-moment]")) {
    const moment = new Date(input.dataset.moment);
    moment.setMinutes(moment.getMinutes() - moment.getTimezoneOffset());
    input.value = moment.toISOString().slice(0, 19);
  }
}

// --- theme --------------------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const chosen = event.submitter;
  if (!event.target.matches("[data-theme-switch]") || !chosen) return;
  event.preventDefault();
  remember("theme", chosen.value);
  document.documentElement.dataset.theme = chosen.value;
  for (const button of event.target.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
});

// --- keyboard and clicks ------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
  if (event.key === "Escape") closeFacets(null, true);
});

// Leaving the search field is no new search: its input events have asked already.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.matches("[data-search]")) event.stopPropagation();
  },
  true,
);

function isTyping(element) {
  return element.matches("input, select, textarea, [contenteditable]");
}

function closeFacets(except, returnFocus) {
  for (const facet of document.querySelectorAll(".facet[open]")) {
    if (facet === except) continue;
    if (returnFocus && facet.contains(document.activeElement)) facet.firstElementChild.focus();
    facet.open = false;
  }
}

document.addEventListener("click", (event) => {
  closeFacets(event.target.closest(".facet"), false);
  event.target.closest("[data-dismiss]")?.closest(".toast, .live-banner").remove();
  const dialog = event.target.closest("[data-close]")?.closest("dialog");
  if (dialog) {
    event.preventDefault();
    dialog.close();
  }
  if (event.target.closest("[data-clears-search]")) {
    const search = document.querySelector("[data-search]");
    if (search) search.value = "";
  }
});

// Who goes on typing where both changed a field means their own.
document.addEventListener("input", (event) => {
  const choice = event.target.closest("[data-mine]")?.querySelector("input[value=mine]");
  if (choice && choice !== event.target) choice.checked = true;
});

// --- toasts: good news goes by itself; bad news, and what offers something, stays ----------

function letGo(root) {
  for (const toast of root.querySelectorAll(".toast-success:not([data-going], :has(form))")) {
    toast.dataset.going = "";
    const wait = () => setTimeout(() => (toast.matches(":hover, :focus-within") ? wait() : toast.remove()), 7000);
    wait();
  }
}

// --- the past: htmx changes the address, and the time machine has to carry the new one -----

const PAST = /^\/as-of\/[^/]+/;

function presentAddress() {
  return (location.pathname.replace(PAST, "") || "/") + location.search;
}

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-carries-address]")) event.target.elements.next.value = presentAddress();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-back-to-now]");
  // What has changed since then is no question in the present: the page itself is.
  if (link) link.href = presentAddress().replace(/^(.*\/)since\/(?=$|\?)/, "$1");
});

// --- what is the same, when a part of the page has come anew -------------------------------

// The record, or the change of one, that an element belongs to. What folds changes away goes
// by the oldest of its group: new ones come before it.
function ownerOf(element) {
  const owner = element.closest("[data-record], [data-change]");
  const group = owner ? null : element.closest(".moment");
  const { record, change } = (owner ?? [...(group?.querySelectorAll("[data-change]") ?? [])].at(-1))?.dataset ?? {};
  return change ?? record ?? "";
}

// Elements of one kind by what they are, not by what is in them.
function byKey(root, tag) {
  const found = new Map();
  for (const each of root.querySelectorAll(tag)) {
    const key = `${ownerOf(each)} ${each.id || each.name || each.getAttribute("href") || each.getAttribute("class") || ""}`;
    let n = 1;
    while (found.has(`${key} ${n}`)) n += 1;
    found.set(`${key} ${n}`, each);
  }
  return found;
}

function twinOf(element, root) {
  if (element.isConnected) return element;
  for (const [key, each] of byKey(element.getRootNode(), element.tagName)) {
    if (each === element) return byKey(root, element.tagName).get(key);
  }
  return undefined;
}

// --- htmx ---------------------------------------------------------------------------------

// The server says with HX-Reswap that its error answer is made to be shown.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Reswap")) event.detail.shouldSwap = true;
});

for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Reswap")) return;
    const toast = document.getElementById("no-answer").content.cloneNode(true);
    document.getElementById("toasts").append(toast);
  });
}

// An open filter stays open, with the focus in it, while its list is replaced.
let openFacet = null;
let focused = null;
let opener = null; // what has opened the dialog
document.addEventListener("htmx:beforeSwap", (event) => {
  openFacet = document.querySelector(".facet[open]")?.id;
  focused = document.activeElement?.id;
  const { target, requestConfig } = event.detail;
  if (target.id === "dialog" && !requestConfig.elt.closest("#dialog")) opener = requestConfig.elt;
});

// The browser gives the focus back by itself, unless what had it has come anew meanwhile.
document.addEventListener(
  "close",
  () => {
    const lost = document.activeElement === document.body || document.activeElement.closest("#dialog");
    if (lost && opener) twinOf(opener, document)?.focus();
  },
  true,
);

document.addEventListener("htmx:afterSwap", (event) => {
  if (openFacet) {
    document.getElementById(openFacet)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus();
  }
  if (event.detail.target.id === "dialog") {
    event.detail.target.querySelector("dialog")?.showModal();
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  const count = document.querySelector("[data-count]");
  if (count && event.target.id === "listing") {
    document.getElementById("announcement").textContent = count.textContent;
  }
  showLocalTimes(document);
  letGo(document);
  if (document.querySelector("#record [data-focus]")) focusMarked();
});

function focusMarked() {
  document.querySelector("[data-focus]")?.focus();
}

showLocalTimes(document);
showLocalMoment();
letGo(document);
focusMarked();
