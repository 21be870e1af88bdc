// Forms: where the focus goes first, and the choice between two people's values of a field.

export function startForms() {
  // The cookie of the forms was lost and the server has made a new one (errors.csrf_failure).
  document.addEventListener("csrf-renewed", (event) => {
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]"))
      field.value = event.detail.token;
  });
  // The text field is beside the choice "Use my value": typing there selects the choice.
  document.addEventListener("input", (event) => {
    const choice = event.target.closest("[data-mine]")?.querySelector("input[value=mine]");
    if (choice && choice !== event.target) choice.checked = true;
  });
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    // Only in the new part, since other parts may arrive while somebody types in a form. Set the
    // focus after htmx has scrolled.
    const marked = target.querySelector("[data-focus]");
    if (marked?.closest("#record")) queueMicrotask(() => marked.focus());
  });
  document.querySelector("[data-focus], main [aria-invalid=true]")?.focus();
}
