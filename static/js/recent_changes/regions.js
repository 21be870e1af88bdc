// The regions of a page (data-region) are replaced by newer copies, one by one.
import { elementsByKey, twinOf } from "../same_element.js";
import { watchBoxes } from "../tables.js";

export function findRegions() {
  return [...document.querySelectorAll("[data-region]")];
}

// Is somebody typing or choosing in the region, or does htmx wait for an answer for it? The form
// around a list asks for the list.
export function isInUse(region) {
  if (region.closest(".htmx-request")) return true;
  const used = ".htmx-request, details.facet[open]";
  if (region.matches(used) || region.querySelector(used)) return true;
  const fields = region.querySelectorAll(
    "input:not([type=hidden], [data-find]), select, textarea",
  );
  return [...fields].some((field) => field === document.activeElement || isEdited(field));
}

// Does the field hold another value than the server wrote into it?
export function isEdited(field) {
  if (field.matches("select")) {
    // A select whose first option was never marked as selected counts as unedited with it.
    const isOther = (option) => option.selected !== option.defaultSelected && option.index > 0;
    return [...field.options].some(isOther);
  }
  if (field.matches("[type=checkbox], [type=radio]"))
    return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

// Replace the region by a copy of `newer`, which may be from another document. Keep its open
// details open and the focus where it was.
export function replaceRegion(region, newer) {
  if (!newer || !region.isConnected) return;
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const copy = document.importNode(newer, true);
  region.replaceWith(copy);
  htmx.process(copy);
  watchBoxes();
  openSameDetails(region, copy);
  announceCount(copy);
  if (focused) focusTwin(focused, copy);
}

function openSameDetails(region, copy) {
  const before = elementsByKey(region, "details");
  for (const [key, details] of elementsByKey(copy, "details")) {
    details.open = before.get(key)?.open ?? details.open;
  }
}

// Have screen readers read out how many rows the list has, if the number changed.
function announceCount(copy) {
  const count = copy.querySelector("[data-count]")?.textContent.trim();
  const announced = document.getElementById("announcement");
  if (count && announced.textContent.trim() !== count) announced.textContent = count;
}

function focusTwin(focused, copy) {
  const twin = twinOf(focused, copy);
  if (!twin) copy.tabIndex = -1;
  (twin ?? copy).focus({ preventScroll: true });
}
