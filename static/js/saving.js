// Shows that a form is being saved, if that takes longer than AFTER milliseconds.

const SAVES = "form:is([data-guarded], .platform-set, [data-saving])";
const AFTER = 300;
const timers = new WeakMap();

export function startSaving() {
  // htmx prevents the default of the forms that it sends by itself.
  document.addEventListener("submit", ({ target, defaultPrevented }) => {
    if (!defaultPrevented) begin(target);
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => begin(detail.elt));
  // If another page follows, keep the message until it comes.
  document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
    if (!xhr.getResponseHeader("HX-Redirect")) end(elt);
  });
  // The Back button may show the page again in the state in which it was left.
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(end));
}

function begin(form) {
  if (!form.matches(SAVES)) return;
  form.setAttribute("aria-busy", "true");
  // Screen readers read out text that is added to an existing line.
  const line = form.querySelector(".saving") ?? addLine(form);
  const show = () => {
    line.textContent = form.dataset.saving || "Saving …";
  };
  timers.set(form, setTimeout(show, AFTER));
}

function end(form) {
  clearTimeout(timers.get(form));
  form.removeAttribute("aria-busy");
  const line = form.querySelector(".saving");
  if (line) line.textContent = "";
}

// Add a line after the form's buttons, but before a separate button that deletes.
function addLine(form) {
  const line = document.createElement("span");
  line.className = "saving";
  line.setAttribute("role", "status");
  const around = form.matches(".actions") ? form : (form.querySelector(".actions") ?? form);
  const buttons = around.querySelectorAll(":scope > .button:not(.button-quiet-danger)");
  [...buttons].at(-1)?.after(line);
  return line;
}
