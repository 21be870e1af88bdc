// The mapping step of an import: the form says which panels are open, and the answer leaves them so.

export function startMapping() {
  // This event does not bubble. It also comes for panels that the answer has opened.
  document.addEventListener("toggle", noteOpen, true);
}

function noteOpen(event) {
  const field = event.target.querySelector?.(":scope > [data-open]");
  if (field) field.value = event.target.open ? "yes" : "no";
}
