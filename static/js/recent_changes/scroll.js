// Keeps the reader's place in the window while the page above it changes.
import { twinOf } from "../same_element.js";

// Return the distance from the header's lower edge to the element's top, in pixels.
export function topOf(element) {
  return element.getBoundingClientRect().top - document.querySelector(".frame").offsetHeight;
}

function isInView(element) {
  return topOf(element) >= 0 && element.getBoundingClientRect().top < window.innerHeight;
}

export function isAboveView(element) {
  return element.checkVisibility() && topOf(element) + element.offsetHeight < 0;
}

// Run `change` and scroll so that the element with the focus, or else the first record in
// view, stays where it was in the window.
export function keepInPlace(main, shown, change) {
  const fixed = elementToKeep(main, shown);
  const before = fixed && topOf(fixed);
  change();
  const after = fixed && twinOf(fixed, document);
  if (after) window.scrollBy({ top: topOf(after) - before, behavior: "instant" });
}

function elementToKeep(main, shown) {
  const focused = document.activeElement;
  if (focused !== main && main.contains(focused) && isInView(focused)) return focused;
  return window.scrollY > 0 ? shown.all().find(isInView) : null;
}
