// The search field of a list: "/" moves the focus there, "Clear" empties it.

// Is this key press "/" alone?
export function isSearchKey(event) {
  return event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey;
}

export function startSearch() {
  document.addEventListener("keydown", (event) => {
    if (!isSearchKey(event) || isField(event.target)) return;
    const search = findSearch();
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // htmx searches at each input event. The change event that follows when the reader leaves the
  // field would repeat the last search, so it goes no further. A search for a filter's value
  // does not change the list. A day is complete only when Apply or Enter says so: typing a year
  // would search for the year 2 first.
  document.addEventListener("change", stopSearchChange, true);

  document.addEventListener("click", (event) => {
    const search = event.target.closest("[data-clears-search]") && findSearch();
    if (search) search.value = "";
  });
}

function findSearch() {
  return document.querySelector("[data-search]");
}

function isField(element) {
  return element.matches("input, select, textarea, [contenteditable]");
}

function stopSearchChange(event) {
  if (event.target.matches("[data-search], [data-find], [data-day]")) event.stopPropagation();
}
