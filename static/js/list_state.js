// The links of a list (sort, pages, chips) have the address of the list as it is shown. While
// the answer to another control is on its way, a click on a link keeps that choice, too, and
// the controls show what the link asks for, so that the next one keeps it.
import { isEdited } from "./recent_changes/regions.js";

export function startListState() {
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, path } = event.detail;
    const form = elt.matches("a[hx-get]") && elt.closest("#list-form");
    if (!form) return;
    const [place, query = ""] = path.split("?");
    const controls = controlsOf(form);
    const asked = new URLSearchParams(query);
    addChoices(asked, elt.matches("[data-clears-all]") ? [] : choicesBeside(elt, controls));
    if (elt.matches("[data-usual-columns]")) asked.delete("column");
    showState(controls, asked);
    event.detail.path = asked.size ? `${place}?${asked}` : place;
  });
}

function controlsOf(form) {
  return [...form.elements].filter((each) => each.name && !each.matches("[data-find]"));
}

// As soon as one column is chosen, all are, because their order counts.
function choicesBeside(link, controls) {
  const own = link.matches(".sort-link") ? "sort" : link.matches("[data-clears-search]") && "q";
  const edited = controls.filter((control) => control.name !== own && isEdited(control));
  const columns = controls.filter((control) => control.name === "column");
  return edited.some((control) => control.name === "column")
    ? [...edited.filter((control) => control.name !== "column"), ...columns]
    : edited;
}

// Add to the query `asked` what was chosen in `edited` controls. Another filter has other pages.
export function addChoices(asked, edited) {
  if (edited.some(({ name }) => name === "column")) asked.delete("column");
  for (const { name, type, value, checked, defaultValue } of edited) {
    if (type === "checkbox" || type === "date") {
      asked.delete(name, type === "date" ? defaultValue : value);
      if (type === "date" ? value : checked) asked.append(name, value);
    } else if (name === "column") asked.append(name, value);
    else if (value) asked.set(name, value);
    else asked.delete(name);
  }
  if (edited.length) asked.delete("page");
}

function showState(controls, asked) {
  for (const control of controls) {
    const values = asked.getAll(control.name);
    if (control.type === "checkbox") control.checked = values.includes(control.value);
    else if (control.matches("select")) control.value = values[0] ?? control.dataset.default;
    else if (control.type === "date")
      control.value = values.find((each) => each !== "never") ?? "";
    else if (control.matches("input")) control.value = values[0] ?? "";
  }
}
