// The filters of a list ("facets") and the time machine open like menus: one at a time, closed
// by Escape and by a click elsewhere.

// While htmx replaces the list: the id of the open filter and of the element with the focus.
let openId;
let focusedId;

export function startFacets() {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeFacets(null, true);
  });
  document.addEventListener("click", (event) => {
    const closing = event.target.closest("[data-close-facet]");
    closeFacets(closing ? null : event.target.closest(".facet"), Boolean(closing));
  });
  document.addEventListener("htmx:beforeSwap", () => {
    openId = document.querySelector(".facet[open]")?.id;
    focusedId = document.activeElement?.id;
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!openId) return;
    document.getElementById(openId)?.setAttribute("open", "");
    if (focusedId) document.getElementById(focusedId)?.focus();
  });
}

function closeFacets(except, returnsFocus) {
  for (const facet of document.querySelectorAll(".facet[open]")) {
    if (facet === except) continue;
    if (returnsFocus && facet.contains(document.activeElement)) facet.firstElementChild.focus();
    facet.open = false;
  }
}
