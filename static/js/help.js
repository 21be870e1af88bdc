// The help: "?" opens it over the page, as the link "Help" does. Without JavaScript the link leads
// to a page of its own.
import { isCommand } from "./composer.js";
import { openDialog } from "./dialogs.js";

export function startHelp() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "?" || !isCommand(event)) return;
    const link = document.querySelector("[data-help]");
    if (!link || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    openDialog(link.href, document.activeElement);
  });
}
