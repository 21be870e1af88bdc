// Statuses that open in place. After one is saved its form closes, and the focus goes back to it.

export function startStatuses() {
  document.addEventListener("htmx:afterSettle", (event) => {
    const isLost = document.activeElement === document.body;
    if (isLost && event.target.matches("details.platform")) event.target.firstElementChild.focus();
  });
}
