// The search over everything: "/" and Ctrl+K open its dialog on every page. The arrows choose,
// Enter opens. Also the search field of a list: "f" moves the focus there, "Clear" empties it.
import { isCommand } from "./composer.js";
import { placeMessages } from "./drawer.js";

// Do these keys open the search over everything?
export function isSearchKey(event) {
  if (event.key === "/") return !event.ctrlKey && !event.metaKey && !event.altKey;
  const isPlain = !event.shiftKey && !event.altKey;
  return event.key?.toLowerCase() === "k" && isPlain && event.ctrlKey !== event.metaKey;
}

export function startSearch() {
  document.addEventListener("keydown", (event) => {
    const isSlash = event.key === "/";
    if (isSearchKey(event) && (!isSlash || isCommand(event))) openSearch(event);
    if (event.key === "f" && isCommand(event)) focusListSearch(event);
    if (event.target.id === "search-q") chooseByKey(event);
  });
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("[data-opens-search]")) openSearch(event);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "search-found") showFound();
  });

  // htmx searches at each input event. The change event that follows when the reader leaves the
  // field would repeat the last search, so it goes no further. A search for a filter's value
  // does not change the list. A day is complete only when Apply or Enter says so: typing a year
  // would search for the year 2 first.
  document.addEventListener("change", stopSearchChange, true);

  document.addEventListener("click", (event) => {
    const search = event.target.closest("[data-clears-search]") && findListSearch();
    if (search) search.value = "";
  });
}

function openSearch(event) {
  const dialog = document.getElementById("search");
  // Do not open it over another open dialog.
  if (!dialog || document.querySelector("dialog[open]:not(#search)")) return;
  event.preventDefault();
  const field = document.getElementById("search-q");
  if (!dialog.open) {
    dialog.showModal();
    placeMessages(dialog);
    htmx.trigger(field, "search:open");
  }
  field.focus();
  field.select();
}

// The results are there: choose the first, and have their number read out.
function showFound() {
  const found = document.querySelector(".found-options");
  document.getElementById("search-status").textContent = found.dataset.count;
  const list = options();
  document.getElementById("search-q").setAttribute("aria-expanded", String(list.length > 0));
  for (const [number, option] of list.entries()) option.id = `search-option-${number}`;
  choose(list[0]);
}

function chooseByKey(event) {
  if (event.isComposing) return;
  const list = options();
  const at = list.findIndex((option) => option.matches("[aria-selected=true]"));
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && list.length) {
    event.preventDefault();
    choose(list[(at + step + list.length) % list.length]);
  } else if (event.key === "Enter" && isOfField() && list[at]) {
    event.preventDefault();
    list[at].click();
  }
}

// Until the answer for the typed text has come, Enter opens the page of the search.
function isOfField() {
  const found = document.querySelector(".found-options");
  return found?.dataset.found === document.getElementById("search-q").value.trim();
}

function options() {
  return [...document.querySelectorAll("#search-found [role=option]")];
}

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  const field = document.getElementById("search-q");
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function focusListSearch(event) {
  const search = findListSearch();
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function findListSearch() {
  return document.querySelector("[data-search]");
}

function stopSearchChange(event) {
  if (event.target.matches("[data-search], [data-find], [data-day]")) event.stopPropagation();
}
