// A form that is being saved says so, if it takes longer than a blink.

const SAVES = "form:is([data-guarded], .platform-set, [data-saving])";
const AFTER = 300;
const timers = new WeakMap();

export function startSaving() {
  // htmx prevents the default of the forms that it sends by itself.
  document.addEventListener("submit", ({ target, defaultPrevented }) => {
    if (!defaultPrevented) begin(target);
  });
  document.addEventListener("htmx:beforeRequest", ({ detail }) => begin(detail.elt));
  // Where another page follows, the form waits for it.
  document.addEventListener("htmx:afterRequest", ({ detail: { elt, xhr } }) => {
    if (!xhr.getResponseHeader("HX-Redirect")) end(elt);
  });
  // The browser shows a page again that was left by saving.
  window.addEventListener("pageshow", () => document.querySelectorAll("form").forEach(end));
}

function begin(form) {
  if (!form.matches(SAVES)) return;
  form.setAttribute("aria-busy", "true");
  // Screen readers read out what comes into a line that is there already.
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

// Add a line after the form's buttons; what deletes is apart from them.
function addLine(form) {
  const line = document.createElement("span");
  line.className = "saving";
  line.setAttribute("role", "status");
  const around = form.matches(".actions") ? form : (form.querySelector(".actions") ?? form);
  const buttons = around.querySelectorAll(":scope > .button:not(.button-quiet-danger)");
  [...buttons].at(-1)?.after(line);
  return line;
}
