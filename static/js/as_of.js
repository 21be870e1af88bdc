// The time machine. A page of the past has the present page's address after a prefix:
// /as-of/2025-06-27T14:03:11Z/accounts/?q=x. htmx changes the address without a new page, so
// the links and forms of the time machine are updated when they are used.

const PREFIX = /^\/as-of\/[^/]+/;
const DIFF = /^(.*\/)since\/(?=$|\?)/;

// Return the address, with its query, of the same page in the present. Two slashes at its beginning
// would name another host.
export function presentAddress({ pathname, search }) {
  return (pathname.replace(PREFIX, "").replace(/^\/+/, "/") || "/") + search;
}

// Return where "Back to now" leads: a diff between now and now would be empty, so from a diff
// it leads to the page whose diff it is.
export function backToNowAddress(place) {
  return presentAddress(place).replace(DIFF, "$1");
}

export function startTimeMachine() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-carries-address]")) return;
    event.target.elements.next.value = presentAddress(location);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-back-to-now]");
    if (link) link.href = backToNowAddress(location);
  });
}
