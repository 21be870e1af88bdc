// Switches between light, dark and the system's colours without a new page.
import { saveCookie } from "./cookies.js";

export function startTheme() {
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!event.target.matches("[data-theme-switch]") || !button) return;
    event.preventDefault();
    saveCookie("theme", button.value);
    document.documentElement.dataset.theme = button.value;
    for (const each of event.target.querySelectorAll("button")) {
      each.setAttribute("aria-pressed", String(each === button));
    }
  });
}
