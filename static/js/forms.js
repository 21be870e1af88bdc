// Forms: where the focus goes first, and the choice between two people's values of a field.

export function startForms() {
  // The text field is beside the choice "Use my value": typing there selects the choice.
  document.addEventListener("input", (event) => {
    const choice = event.target.closest("[data-mine]")?.querySelector("input[value=mine]");
    if (choice && choice !== event.target) choice.checked = true;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (document.querySelector("#record [data-focus]")) focusMarked();
  });
  focusMarked();
}

function focusMarked() {
  document.querySelector("[data-focus]")?.focus();
}
