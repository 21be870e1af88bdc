// The filters of a list ("facets") and the time machine open like menus: one at a time, closed
// by Escape and by a click elsewhere. A filter fetches its values when it is opened.

// While htmx replaces the list: the open filter, its values if they stay, and the id of the
// element with the focus.
let openId;
let keptValues;
let focusedId;
// The parts of pages that filters narrow, and that do not contain the filters.
const PARTS = new Set(["history", "diff"]);

export function startFacets() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeFacets(null, true);
    // A search for a value does not submit the form of the list.
    if (event.key !== "Enter") return;
    if (event.target.matches("[data-find]")) event.preventDefault();
    if (event.target.matches("[data-day]")) apply(event);
  });
  document.addEventListener("click", (event) => {
    const closing = event.target.closest("[data-close-facet], .done");
    closeFacets(closing ? null : event.target.closest(".facet"), Boolean(closing));
  });
  // Capturing, since this event does not bubble.
  document.addEventListener("toggle", (event) => fetchValues(event.target), true);
  document.addEventListener("toggle", (event) => turnPanel(event.target), true);
  document.addEventListener("htmx:afterRequest", (event) => {
    if (isFilter(event.target) && event.detail.successful) event.target.dataset.fetched = "";
  });
  document.addEventListener("change", (event) => showNumber(event.target.closest(".facet")));
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (PARTS.has(event.target.id) || event.target.id === "listing") forgetValues();
    if (event.target.id !== "listing") return;
    const open = document.querySelector(".facet[open]");
    openId = open?.id;
    focusedId = document.activeElement?.id;
    keptValues = staysTrue(open, event) ? open.querySelector(".facet-body") : null;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "listing" || !openId) return;
    const facet = document.getElementById(openId);
    if (keptValues && facet) keepValues(facet);
    facet?.setAttribute("open", "");
    if (focusedId) (document.getElementById(focusedId) ?? facet?.firstElementChild)?.focus();
  });
  // Only now does htmx know the new list.
  document.addEventListener("htmx:afterSettle", (event) => {
    const open = event.target.id === "listing" && event.target.querySelector(".facet[open]");
    if (open && !open.matches(".htmx-request")) fetchValues(open);
  });
}

// Enter in a day is its panel's Apply, not the button of the search.
function apply(event) {
  event.preventDefault();
  event.target.closest(".facet").querySelector("button:not([type])").click();
}

// Move a panel to the left if it would extend beyond the right edge of the window.
function turnPanel(facet) {
  const panel = facet.matches(".facet[open]") && facet.querySelector(".facet-panel");
  if (!panel) return;
  facet.classList.remove("facet-turned");
  const beyond = panel.getBoundingClientRect().right > document.documentElement.clientWidth;
  facet.classList.toggle("facet-turned", beyond);
}

function isFilter(element) {
  return element?.matches?.("[data-facet]");
}

function fetchValues(facet) {
  if (!isFilter(facet) || !facet.open || "fetched" in facet.dataset) return;
  htmx.trigger(facet, "facet:open");
}

// The filters narrow each other's values.
function forgetValues() {
  for (const facet of document.querySelectorAll("[data-facet]:not([open])"))
    delete facet.dataset.fetched;
}

// Show the number of chosen values beside the filter's name. Lists are replaced together with their
// filters; other pages keep the filters.
function showNumber(facet) {
  if (!isFilter(facet)) return;
  const number = facet.querySelectorAll(".facet-options :checked").length;
  const shown = facet.querySelector(".facet-count") ?? addNumber(facet);
  shown.hidden = !number;
  shown.lastChild.data = number;
}

function addNumber(facet) {
  const shown = document.createElement("span");
  shown.className = "facet-count";
  const words = document.createElement("span");
  words.className = "visually-hidden";
  words.textContent = ", chosen: ";
  shown.append(words, "0");
  facet.querySelector("summary .icon").before(shown);
  return shown;
}

// A filter does not restrict its own values, so they stay valid after a choice in it. The list's
// answer includes the columns to choose from.
function staysTrue(open, event) {
  if (!open || !("fetched" in open.dataset) || open.querySelector("[name=choosing]")) return false;
  const cause = event.detail.requestConfig?.triggeringEvent?.target;
  return open.contains(cause) && cause.matches("[type=checkbox]");
}

function keepValues(facet) {
  facet.querySelector(".facet-body").replaceWith(keptValues);
  facet.dataset.fetched = "";
  // The new list has these choices, so they do not count as edits.
  for (const box of keptValues.querySelectorAll("[type=checkbox]"))
    box.defaultChecked = box.checked;
}

function closeFacets(except, returnsFocus) {
  for (const facet of document.querySelectorAll(".facet[open]")) {
    if (facet === except) continue;
    const { activeElement } = document;
    if (returnsFocus && (facet.contains(activeElement) || activeElement.matches(".done")))
      facet.firstElementChild.focus();
    facet.open = false;
  }
}
