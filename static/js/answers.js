// What happens around the answers that htmx receives.
import { showToast } from "./toasts.js";

const FAILURES = ["htmx:sendError", "htmx:timeout", "htmx:responseError"];

export function startAnswers() {
  // The server marks an error page that it made to be shown with the header HX-Reswap.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isMadeToBeShown(event.detail.xhr)) event.detail.shouldSwap = true;
  });
  for (const name of FAILURES) {
    document.addEventListener(name, (event) => {
      if (!isMadeToBeShown(event.detail.xhr)) showToast("no-answer");
    });
  }
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "listing") announceCount();
  });
}

function isMadeToBeShown(xhr) {
  return Boolean(xhr.getResponseHeader("HX-Reswap"));
}

// Have screen readers read out how many rows the list has now.
function announceCount() {
  const count = document.querySelector("[data-count]");
  if (count) document.getElementById("announcement").textContent = count.textContent;
}
