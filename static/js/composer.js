// The composer on an account's page: "c" moves the focus there. Ctrl+Enter or Cmd+Enter saves it,
// and also the form of a record.

export function startComposer() {
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest("#composer, #record form");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector(".button-primary"));
    } else if (isCommand(event) && event.key === "c") {
      const text = document.querySelector("#composer textarea");
      if (!text) return;
      event.preventDefault();
      text.focus();
    }
  });
  document.addEventListener("htmx:afterSettle", () => {
    // Something was not saved: move the focus to the form that says so.
    const isLost = document.activeElement === document.body;
    const isRefused = document.querySelector("#composer :is([role=alert], [aria-invalid=true])");
    if (isLost && isRefused) document.querySelector("#composer textarea").focus();
  });
}

// Is the key pressed alone, and outside of fields and dialogs?
export function isCommand(event) {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
  return isPlain && !event.target.closest("input, select, textarea, dialog, [contenteditable]");
}
