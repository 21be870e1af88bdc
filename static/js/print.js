// Buttons that print the page; without JavaScript the browser's menu does.

export function startPrint() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
}
