// Finds an element again after a newer copy has replaced its part of the page.

// Return the key of the record, or of the change in a history, that the element belongs to.
// The "show more" of a history group belongs to the group's oldest change: new changes are
// added before it.
export function ownerOf(element) {
  const owner = element.closest("[data-record], [data-change]");
  if (owner) return keyOf(owner);
  const changes = element.closest(".moment")?.querySelectorAll("[data-change]") ?? [];
  return keyOf([...changes].at(-1));
}

function keyOf(owner) {
  return owner?.dataset.change ?? owner?.dataset.record ?? "";
}

// Map each element with the tag in `root` to a key that the newer copy gives to the same
// element, whatever its content. Elements that cannot be told apart are numbered.
export function elementsByKey(root, tag) {
  const found = new Map();
  for (const element of root.querySelectorAll(tag)) {
    const key = `${ownerOf(element)} ${labelOf(element)}`;
    let n = 1;
    while (found.has(`${key} ${n}`)) n += 1;
    found.set(`${key} ${n}`, element);
  }
  return found;
}

function labelOf(element) {
  const { id, name } = element;
  return id || name || element.getAttribute("href") || element.getAttribute("class") || "";
}

// Return the element itself while it is in the document, otherwise the element in `root` that
// took its place, or undefined.
export function twinOf(element, root) {
  if (element.isConnected) return element;
  for (const [key, each] of elementsByKey(element.getRootNode(), element.tagName)) {
    if (each === element) return elementsByKey(root, element.tagName).get(key);
  }
  return undefined;
}
