// Others' changes reach the page that is open: its regions are asked for again, what changed is
// marked, and nothing that somebody is typing is touched.
"use strict";

(() => {
  const page = document.querySelector("[data-live]");
  if (!page) return;

  const EVERY = 1500;
  const LATER = 30000;
  const ASLEEP_AFTER = 10 * 60 * 1000;
  const CLOCKS_DIFFER = 10000;

  const tables = page.dataset.live.split(" ");
  const made = new Date(document.body.dataset.now).getTime() - CLOCKS_DIFFER;
  let seen = "";
  let active = Date.now();
  let timer = null;
  let waiting = []; // news of regions in which somebody is typing
  const ahead = new Set(); // records that a refresh has shown before their news came

  // --- asking -----------------------------------------------------------------------------

  function plan(delay) {
    clearTimeout(timer);
    timer = setTimeout(ask, delay);
  }

  async function ask() {
    timer = null;
    // A page that nobody looks at shall not keep the warehouse awake.
    if (document.hidden || Date.now() - active > ASLEEP_AFTER) return;
    let delay = EVERY;
    try {
      const answer = await fetch(`${document.body.dataset.liveUrl}?seen=${seen}`, { headers: { Accept: "application/json" } });
      if (answer.status === 410) return;
      if (answer.status === 200) await hear(await answer.json());
      else if (answer.status !== 204) delay = LATER;
    } catch {
      delay = LATER;
    }
    plan(delay);
  }

  function wake() {
    active = Date.now();
    if (timer === null && !document.hidden) plan(0);
  }

  for (const name of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    document.addEventListener(name, () => (timer === null ? wake() : (active = Date.now())), { passive: true });
  }
  document.addEventListener("visibilitychange", wake);

  // --- hearing ----------------------------------------------------------------------------

  async function hear(answer) {
    const first = seen === "";
    seen = answer.seen;
    const news = answer.news.filter(concerns);
    const late = news.filter((each) => ahead.delete(each.record) && isShown(each, first));
    const fresh = news.filter((each) => !isShown(each, first));
    tell([...late, ...fresh]);
    late.forEach(mark);
    if (fresh.length || answer.missed) await refresh(fresh);
  }

  function concerns(each) {
    const of = page.dataset.of;
    return tables.includes(each.table) && (!of || of === each.account);
  }

  // What the page was made with is no news to it.
  function isShown(each, first) {
    const record = find(each.record);
    if (record) return each.kind !== "deleted" && record.dataset.version >= each.at;
    return first && new Date(each.at).getTime() < made;
  }

  function find(record) {
    return document.querySelector(`[data-record="${CSS.escape(record)}"]`);
  }

  // --- telling ----------------------------------------------------------------------------

  function tell(news) {
    warn(news);
    const others = news.filter((each) => each.who !== "You");
    if (!others.length) return;
    document.getElementById("live-said").textContent = others.map((each) => each.said).slice(-3).join(". ");
    for (const each of others) if (each.kind === "deleted" && find(each.record)) toast(each.said);
  }

  function toast(text) {
    const copy = document.getElementById("live-toast").content.cloneNode(true);
    copy.querySelector("p").textContent = text;
    document.getElementById("toasts").append(copy);
    letGo(document);
  }

  // The record that is being edited, or the account that it belongs to.
  function warn(news) {
    const editor = document.getElementById("record");
    if (!editor) return;
    const shown = editor.querySelector("[name=updated_at]")?.value ?? "";
    const about = news.findLast(
      (each) =>
        (each.record === editor.dataset.editing && (each.kind === "deleted" || each.at > shown)) ||
        (each.kind === "deleted" && each.record === `accounts/${page.dataset.of}`),
    );
    if (!about) return;
    document.querySelector(".live-banner")?.remove();
    const banner = document.getElementById("live-banner").content.cloneNode(true);
    banner.querySelector("h2").textContent = `${about.said} just now`;
    banner.querySelector(about.kind === "deleted" ? "[data-changed]" : "[data-deleted]").remove();
    editor.prepend(banner);
  }

  // --- showing ----------------------------------------------------------------------------

  async function refresh(news) {
    const regions = [...document.querySelectorAll("[data-region]")];
    if (!regions.length) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    waiting = [];
    const before = versions();
    for (const region of regions) {
      if (isInUse(region)) waiting.push(...news);
      else replace(region, fresh.getElementById(region.id));
    }
    const told = new Set(news.map((each) => each.record));
    for (const [record, version] of versions()) if (before.get(record) !== version && !told.has(record)) ahead.add(record);
    news.forEach(mark);
  }

  function versions() {
    return new Map([...document.querySelectorAll("[data-record]")].map((each) => [each.dataset.record, each.dataset.version]));
  }

  function isInUse(region) {
    const fields = [...region.querySelectorAll("input:not([type=hidden]), select, textarea")];
    return (
      region.querySelector(".htmx-request, details.facet[open]") !== null ||
      region.matches(".htmx-request") ||
      fields.some((field) => field === document.activeElement || isChanged(field))
    );
  }

  function isChanged(field) {
    if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected && option.index > 0);
    if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
    return field.value !== field.defaultValue;
  }

  function replace(region, fresh) {
    if (!fresh || !region.isConnected) return;
    const inside = region.contains(document.activeElement) ? document.activeElement : null;
    const copy = document.importNode(fresh, true);
    region.replaceWith(copy);
    htmx.process(copy);
    if (inside) [...copy.querySelectorAll(inside.tagName)].find((each) => each.outerHTML === inside.outerHTML)?.focus();
  }

  function mark(each) {
    const record = find(each.record) ?? find(`accounts/${each.account}`);
    if (!record || each.who === "You" || each.kind === "deleted") return;
    record.classList.add("news");
    record.querySelector(".news-by")?.remove();
    const by = document.createElement("span");
    by.className = "news-by";
    by.textContent = find(each.record) ? `${each.kind} by ${each.who}` : each.said;
    (record.querySelector("th, td, .card-facts, .platform-head, .lead") ?? record).append(by);
  }

  // What could not be shown while somebody was typing there is shown when they have left.
  document.addEventListener("focusout", () => {
    if (!waiting.length) return;
    const news = waiting;
    waiting = [];
    setTimeout(() => refresh(news), 300);
  });

  plan(EVERY / 4);
})();
