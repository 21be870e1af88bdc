// Handles htmx's answers: shows error pages, reports failures, has the row count read out.
import { showToast } from "./toasts.js";

const FAILURES = ["htmx:sendError", "htmx:timeout", "htmx:responseError"];

export function startAnswers() {
  // The header HX-Reswap marks an error page that the server made for display.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isMadeToBeShown(event.detail.xhr)) event.detail.shouldSwap = true;
  });
  for (const name of FAILURES) {
    document.addEventListener(name, (event) => {
      if (!isMadeToBeShown(event.detail.xhr)) showToast("no-answer");
      markUnconfirmed(event.detail.elt);
    });
  }
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "listing") announceCount();
  });
}

function isMadeToBeShown(xhr) {
  return Boolean(xhr.getResponseHeader("HX-Reswap"));
}

// A form that saves at once keeps the reader's choice: show that it may not be saved, with a
// button that sends it again.
function markUnconfirmed(form) {
  const note = form.querySelector("[data-unconfirmed]");
  if (note) note.hidden = false;
}

// Have screen readers read out how many rows the list has now.
function announceCount() {
  const count = document.querySelector("[data-count]");
  if (count) document.getElementById("announcement").textContent = count.textContent;
}
