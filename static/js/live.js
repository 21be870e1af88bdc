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
  const ahead = new Set(); // what a refresh has shown before its news came
  const unread = new Set(); // new changes above what is being read
  const marks = new Map(); // what is marked, by its key: a refresh makes it anew

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
    const news = answer.news.filter(concerns);
    const late = news.filter((each) => keysOf(each).some((key) => ahead.delete(key)) && isShown(each, first));
    const fresh = news.filter((each) => !isShown(each, first));
    // What is deleted has a name as long as it is shown, what is new has one afterwards.
    const deleted = fresh.filter((each) => each.kind === "deleted");
    const gone = new Map(deleted.map((each) => [each, { said: said(each), wasShown: find(each.record) !== null }]));
    late.forEach(mark);
    if (fresh.length || answer.missed) await refresh(fresh);
    // Only now: what could not be shown is asked for again.
    seen = answer.seen;
    tell([...late, ...fresh], gone);
  }

  function concerns(each) {
    const of = page.dataset.of;
    return tables.includes(each.table) && (!of || of === each.account);
  }

  // What the page was made with is no news to it.
  function isShown(each, first) {
    if (findChange(each)) return true;
    const record = find(each.record);
    if (record) return each.kind === "deleted" ? record.dataset.version > each.at : record.dataset.version >= each.at;
    return first && new Date(each.at).getTime() < made;
  }

  function find(record) {
    return document.querySelector(`[data-record="${CSS.escape(record)}"]`);
  }

  // Where the page tells of the change itself: in a history.
  function findChange(each) {
    return document.querySelector(`[data-change="${CSS.escape(keysOf(each)[1])}"]`);
  }

  function keysOf(each) {
    return [each.record, `${each.record}/${each.version}`];
  }

  // --- telling ----------------------------------------------------------------------------

  function tell(news, gone) {
    const texts = new Map(news.map((each) => [each, gone.get(each)?.said ?? said(each)]));
    warn(news, texts);
    const others = news.filter((each) => each.who !== "You");
    if (!others.length) return;
    document.getElementById("live-said").textContent = others.map((each) => texts.get(each)).slice(-3).join(". ");
    const accounts = new Set(others.filter(isAccountsEnd).map((each) => each.account));
    for (const each of others) {
      const goesWithIt = accounts.has(each.account) && !isAccountsEnd(each);
      if (gone.get(each)?.wasShown && !goesWithIt && !isOfThisPage(each)) toast(texts.get(each));
    }
  }

  function isAccountsEnd(each) {
    return each.table === "accounts" && each.kind === "deleted";
  }

  function isOfThisPage(each) {
    return each.record === `accounts/${page.dataset.of}`;
  }

  function said(each) {
    const name = nameOf(each.record);
    if (each.table === "accounts") return `${each.said} ${name || teamOf(each.account)}`;
    const of = page.dataset.of ? "" : ` of ${teamOf(each.account)}`;
    return `${each.said}${name ? ` “${name}”` : ""}${of}`;
  }

  // What people call a record, where the page shows it.
  function nameOf(record) {
    const text = find(record)?.querySelector("h1, .row-link, .row-text, .platform-head h3, .prose")?.textContent.trim() ?? "";
    return text.length > 60 ? `${text.slice(0, 60).trimEnd()}…` : text;
  }

  function teamOf(bsnid) {
    const link = page.querySelector(`a[href$="/accounts/${CSS.escape(encodeURIComponent(bsnid))}/"]`);
    return nameOf(`accounts/${bsnid}`) || link?.textContent.trim() || bsnid;
  }

  function toast(text) {
    const copy = document.getElementById("live-toast").content.cloneNode(true);
    copy.querySelector("p").textContent = text;
    document.getElementById("toasts").append(copy);
    letGo(document);
  }

  function warn(news, texts) {
    const editor = document.getElementById("record");
    if (editor) warnOf(editor, news, texts);
    else warnOfAccount(news, texts);
  }

  // The record that is being edited, or the account that it belongs to.
  function warnOf(editor, news, texts) {
    const shown = editor.querySelector("[name=updated_at]")?.value ?? "";
    const about = news.findLast(
      (each) =>
        (each.record === editor.dataset.editing && (each.kind === "deleted" || each.at > shown)) ||
        (isAccountsEnd(each) && isOfThisPage(each)),
    );
    if (about) banner(editor, `${texts.get(about)} just now`, about.kind === "deleted" ? "deleted" : "changed");
  }

  // The page of an account that is deleted stays to be read; whoever brings it back ends that.
  function warnOfAccount(news, texts) {
    const about = news.findLast(isOfThisPage);
    if (about?.kind === "deleted") end(`${texts.get(about)} just now`);
    else if (about && page.matches(".is-gone")) {
      page.classList.remove("is-gone");
      document.querySelector(".live-banner")?.remove();
    }
  }

  function end(heading) {
    if (!document.getElementById("account-head")) return;
    page.classList.add("is-gone");
    banner(page, heading, "gone");
  }

  function banner(place, heading, kind) {
    const copy = document.getElementById("live-banner").content.cloneNode(true);
    copy.querySelector("h2").textContent = heading;
    for (const part of copy.querySelectorAll("[data-if]")) if (!part.dataset.if.split(" ").includes(kind)) part.remove();
    for (const link of copy.querySelectorAll("[data-history]")) link.href = page.querySelector("a[href$='/history/']").href;
    steadily(() => {
      document.querySelector(".live-banner")?.remove();
      place.prepend(copy);
    });
  }

  // --- showing ----------------------------------------------------------------------------

  async function refresh(news) {
    const regions = [...document.querySelectorAll("[data-region]")];
    if (!regions.length) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.status === 404) return end("The account was deleted");
    if (!answer.ok) throw new Error(`${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    waiting = [];
    const before = versions();
    steadily(() => {
      for (const region of regions) {
        if (isInUse(region)) waiting.push(...news);
        else replace(region, fresh.getElementById(region.id));
      }
      const told = new Set(news.flatMap(keysOf));
      for (const [key, version] of versions()) if (before.get(key) !== version && !told.has(key)) ahead.add(key);
      markAgain();
      news.forEach(mark);
    });
    offer(news);
  }

  function versions() {
    const shown = [...document.querySelectorAll("[data-record], [data-change]")];
    return new Map(shown.map((each) => [ownerOf(each), each.dataset.version ?? ""]));
  }

  // What is being used or read stays where it is in the window, whatever comes above it.
  function steadily(change) {
    const used = document.activeElement;
    const read = () => [...document.querySelectorAll("[data-record], [data-change]")].find(isInView);
    const fixed = used !== page && page.contains(used) && isInView(used) ? used : window.scrollY > 0 ? read() : null;
    const before = fixed && topOf(fixed);
    change();
    const after = fixed && twinOf(fixed, document);
    if (after) window.scrollBy({ top: topOf(after) - before, behavior: "instant" });
  }

  // Where it stands, from below the header on.
  function topOf(element) {
    return element.getBoundingClientRect().top - document.querySelector(".frame").offsetHeight;
  }

  function isInView(element) {
    return topOf(element) >= 0 && element.getBoundingClientRect().top < window.innerHeight;
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
    const focused = region.contains(document.activeElement) ? document.activeElement : null;
    const copy = document.importNode(fresh, true);
    region.replaceWith(copy);
    htmx.process(copy);
    const opened = byKey(region, "details");
    for (const [key, details] of byKey(copy, "details")) details.open = opened.get(key)?.open ?? details.open;
    const count = copy.querySelector("[data-count]")?.textContent.trim();
    const announced = document.getElementById("announcement");
    if (count && announced.textContent.trim() !== count) announced.textContent = count;
    if (!focused) return;
    const twin = twinOf(focused, copy);
    if (!twin) copy.tabIndex = -1;
    (twin ?? copy).focus({ preventScroll: true });
  }

  // --- marking ----------------------------------------------------------------------------

  function mark(each) {
    const shown = findChange(each) ?? find(each.record) ?? find(`accounts/${each.account}`);
    if (!shown || each.who === "You" || (each.kind === "deleted" && !findChange(each))) return;
    const text = findChange(each) ? "new" : find(each.record) ? `${each.kind} by ${each.who}` : each.said;
    marks.set(ownerOf(shown), { text, version: shown.dataset.version });
    draw(shown, text);
  }

  // What came anew without a change of its own keeps its mark, without being lit up again.
  function markAgain() {
    for (const shown of document.querySelectorAll("[data-record]:not(.news), [data-change]:not(.news)")) {
      const known = marks.get(ownerOf(shown));
      if (!known || known.version !== shown.dataset.version) continue;
      draw(shown, known.text);
      shown.classList.add("news-still");
    }
  }

  function draw(shown, text) {
    shown.classList.remove("news-still");
    shown.classList.add("news");
    shown.querySelector(".news-by")?.remove();
    const by = document.createElement("span");
    by.className = "news-by";
    by.textContent = text;
    const summary = shown.querySelector(".change > details > summary > span");
    if (summary) summary.after(by);
    else (shown.querySelector("th, td, .card-facts, .platform-head, .lead") ?? shown).append(by);
  }

  // --- a history that is being read further down: what is new stands above ------------------

  function offer(news) {
    const marked = news.map(findChange).filter((each) => each?.matches(".news"));
    for (const each of marked) if (isAbove(each)) unread.add(ownerOf(each));
    document.querySelector(".live-more")?.remove();
    const above = stillAbove();
    if (!above.length) return;
    const button = document.getElementById("live-more").content.firstElementChild.cloneNode(true);
    button.querySelector("span").textContent = `${above.length} new change${above.length > 1 ? "s" : ""} – show`;
    button.addEventListener("click", () => {
      const newest = stillAbove()[0]?.querySelector("summary");
      newest?.scrollIntoView({ block: "center" });
      newest?.focus({ preventScroll: true });
      unread.clear();
      button.remove();
    });
    page.prepend(button);
  }

  function isAbove(element) {
    return element.checkVisibility() && topOf(element) + element.offsetHeight < 0;
  }

  function stillAbove() {
    const shown = [...document.querySelectorAll("[data-change].news")].filter((each) => unread.has(ownerOf(each)) && isAbove(each));
    unread.clear();
    for (const each of shown) unread.add(ownerOf(each));
    return shown;
  }

  document.addEventListener("scroll", () => unread.size && !stillAbove().length && document.querySelector(".live-more")?.remove(), { passive: true });

  // --- what could not be shown while somebody was at it is shown when they have left ---------

  function catchUp() {
    if (!waiting.length) return;
    const news = waiting;
    waiting = [];
    setTimeout(() => refresh(news).catch(() => waiting.push(...news)), 300);
  }

  document.addEventListener("focusout", catchUp);
  document.addEventListener("toggle", catchUp, true);
  document.addEventListener("htmx:afterSettle", markAgain);

  plan(EVERY / 4);
})();
