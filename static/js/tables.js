// Tables: one that fits into its box scrolls with the page, so that its header can stay below
// the page's; a wider one scrolls in its box.

let watch;

export function startTables() {
  watch = new ResizeObserver((entries) => {
    for (const { target } of entries) markFitting(target);
  });
  watchBoxes();
  document.addEventListener("htmx:load", watchBoxes);
}

// Watch the boxes that came with a part of the page.
export function watchBoxes() {
  for (const box of document.querySelectorAll(".table-box:not([data-watched])")) {
    box.dataset.watched = "";
    watch.observe(box);
    markFitting(box);
  }
}

function markFitting(box) {
  // Without the class the box is as wide as before, but what is wider than it overflows.
  box.classList.toggle("table-fits", box.scrollWidth <= box.clientWidth);
}
