// A form that is being saved says so, if it takes longer than a blink. Its line for that is there
// from the start: screen readers read out what comes into it.

const AFTER = 300;
const timers = new WeakMap();

export function startSaving() {
  // htmx prevents the default of the forms that it sends by itself.
  document.addEventListener("submit", ({ target, defaultPrevented }) => {
    if (!defaultPrevented) begin(target);
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => begin(detail.elt));
  document.addEventListener("htmx:afterRequest", ({ detail }) => end(detail.elt));
  // The browser shows a page again that was left by saving.
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(end));
}

function begin(form) {
  const line = form.querySelector("[data-saving]");
  if (!line) return;
  form.setAttribute("aria-busy", "true");
  const show = () => {
    line.textContent = line.dataset.saving;
  };
  timers.set(form, setTimeout(show, AFTER));
}

function end(form) {
  clearTimeout(timers.get(form));
  form.removeAttribute("aria-busy");
  const line = form.querySelector("[data-saving]");
  if (line) line.textContent = "";
}
