// Tells the server the reader's time zone with a cookie. On a first visit the server does not
// know it yet and shows UTC: this page then converts its times itself.
import { saveCookie } from "./cookies.js";

let isInReadersZone = true;

// Return `moment` in the format of an <input type="datetime-local">. `offset` is in minutes, as
// Date.getTimezoneOffset() returns it: -120 for UTC+2.
export function localInputValue(moment, offset) {
  return new Date(moment.getTime() - offset * 60_000).toISOString().slice(0, 19);
}

export function startTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  // The page says which zone it shows; the cookie may be younger than the page.
  isInReadersZone = !zone || document.documentElement.dataset.zone === zone;
  if (!isInReadersZone) saveCookie("tz", zone);
  document.addEventListener("htmx:afterSettle", showLocalTimes);
  showLocalTimes();
  fillLocalInputs();
}

function showLocalTimes() {
  if (isInReadersZone) return;
  const format = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time[data-moment]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// The server reads what the form sends in the reader's zone, so the field must show that zone.
function fillLocalInputs() {
  if (isInReadersZone) return;
  for (const input of document.querySelectorAll("input[data-moment]")) {
    const moment = new Date(input.dataset.moment);
    input.value = localInputValue(moment, moment.getTimezoneOffset());
  }
}
