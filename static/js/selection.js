// Rows of a list that are selected for a bulk change: those of this page. The boxes belong to the
// form "bulk", not to that of the list, so a choice must not search.

const BOX = "tbody .pick input";
let last = null; // the box that was clicked last, where a range begins

export function startSelection() {
  document.addEventListener("change", onChange, true);
  document.addEventListener("click", (event) => {
    if (event.target.matches(BOX)) selectRange(event.target, event.shiftKey);
    if (event.target.closest("[data-unselect]")) unselect();
  });
  document.addEventListener("htmx:afterSettle", showSelected);
  showSelected();
}

// Return the boxes from one to the other, both included; only `to` if `from` is not among them.
export function rangeOf(boxes, from, to) {
  const ends = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  return ends[0] < 0 ? [to] : boxes.slice(ends[0], ends[1] + 1);
}

// Return the sentence of the bar: "3 of 25 on this page selected".
export function selectedText(selected, boxes) {
  return `${selected} of ${boxes} on this page selected`;
}

function boxes() {
  return [...document.querySelectorAll(BOX)];
}

function onChange(event) {
  if (!event.target.matches(".pick input")) return;
  event.stopPropagation();
  if (event.target.matches("[data-select-page]")) {
    for (const box of boxes()) box.checked = event.target.checked;
  }
  showSelected();
}

function selectRange(box, isRange) {
  if (isRange && last) {
    for (const each of rangeOf(boxes(), last, box)) each.checked = box.checked;
    showSelected();
  }
  last = box;
}

function unselect() {
  for (const box of boxes()) box.checked = false;
  showSelected();
  const page = document.querySelector("[data-select-page]");
  // The bar with the focus disappears.
  page?.focus();
}

// Show in the bar, and in the box of the page, which rows are selected.
export function showSelected() {
  const all = boxes();
  const { length } = all.filter((box) => box.checked);
  const page = document.querySelector("[data-select-page]");
  if (!page) return;
  page.checked = length > 0 && length === all.length;
  page.indeterminate = length > 0 && length < all.length;
  const text = document.querySelector("[data-selected]");
  if (text) text.textContent = length ? selectedText(length, all.length) : "";
}
