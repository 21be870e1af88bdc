// Messages at the edge of the window. A success disappears by itself. An error, or a message
// with a button such as Undo, stays until the reader dismisses it.

const SHOWN_FOR = 7000;

export function startToasts() {
  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest(".toast, .live-banner").remove();
  });
  document.addEventListener("htmx:afterSettle", tidyToasts);
  tidyToasts();
}

// Show a copy of the template `templateId`; with `text`, put it into the copy's paragraph.
export function showToast(templateId, text) {
  const copy = document.getElementById(templateId).content.cloneNode(true);
  if (text !== undefined) copy.querySelector("p").textContent = text;
  document.getElementById("toasts").append(copy);
  tidyToasts();
}

function tidyToasts() {
  removeRepeated(document.querySelectorAll(".toast:not(:has(form))"));
  const expiring = ".toast-success:not([data-going], :has(form))";
  for (const toast of document.querySelectorAll(expiring)) {
    toast.dataset.going = "";
    removeWhenUnused(toast, setTimeout);
  }
}

// Of toasts with the same text keep only the latest.
export function removeRepeated(toasts) {
  const said = new Set();
  for (const toast of [...toasts].reverse()) {
    const text = toast.textContent.trim();
    if (said.has(text)) toast.remove();
    said.add(text);
  }
}

// Remove the toast after SHOWN_FOR milliseconds; later while the pointer or the focus is in it.
export function removeWhenUnused(toast, schedule) {
  schedule(() => {
    if (toast.matches(":hover, :focus-within")) removeWhenUnused(toast, schedule);
    else toast.remove();
  }, SHOWN_FOR);
}
