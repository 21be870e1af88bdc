// What every page's scripts decide without a document.
import assert from "node:assert/strict";
import { test } from "node:test";
import { backToNowAddress, presentAddress } from "../../static/js/as_of.js";
import { cookieFor, cookieName } from "../../static/js/cookies.js";
import { isFormPath } from "../../static/js/drawer.js";
import { addChoices } from "../../static/js/list_state.js";
import { isEdited } from "../../static/js/recent_changes/regions.js";
import { isSearchKey } from "../../static/js/search.js";
import { rangeOf, selectedText } from "../../static/js/selection.js";
import { localInputValue } from "../../static/js/time_zone.js";
import { removeRepeated, removeWhenUnused } from "../../static/js/toasts.js";

test("a cookie lasts a year and is secure over TLS only", () => {
  const plain = "theme=dark; path=/; max-age=31536000; samesite=lax";
  assert.equal(cookieFor("theme", "dark", "http:"), plain);
  assert.equal(cookieFor("theme", "dark", "https:"), `__Host-edip-${plain}; secure`);
  assert.equal(cookieName("tz", "http:"), "tz");
});

test("the field of a moment shows the reader's own time", () => {
  const moment = new Date("2026-01-01T23:30:15Z");
  assert.equal(localInputValue(moment, 0), "2026-01-01T23:30:15");
  assert.equal(localInputValue(moment, -120), "2026-01-02T01:30:15");
  assert.equal(localInputValue(moment, 300), "2026-01-01T18:30:15");
});

test("the present address of a page of the past keeps path and query", () => {
  const place = (pathname, search = "") => ({ pathname, search });
  assert.equal(
    presentAddress(place("/as-of/2026-01-01T00:00:00Z/accounts/", "?q=x")),
    "/accounts/?q=x",
  );
  assert.equal(presentAddress(place("/as-of/2026-01-01T00:00:00Z")), "/");
  assert.equal(presentAddress(place("/accounts/")), "/accounts/");
  assert.equal(presentAddress(place("/as-of/x//evil.example/")), "/evil.example/");
  assert.equal(backToNowAddress(place("/as-of/x///evil.example/since/")), "/evil.example/");
});

test("back to now leads from a diff to the page whose diff it is", () => {
  const place = (pathname, search = "") => ({ pathname, search });
  assert.equal(backToNowAddress(place("/as-of/x/accounts/A/since/", "?q=y")), "/accounts/A/?q=y");
  assert.equal(backToNowAddress(place("/as-of/x/since/")), "/");
  assert.equal(backToNowAddress(place("/as-of/x/accounts/since/edit/")), "/accounts/since/edit/");
});

test("forms of records open in a drawer, other pages do not", () => {
  const forms = ["accounts/new", "accounts/A/edit", "accounts/A/updates/new", "updates/1/edit"];
  for (const path of [...forms, "accounts/A/use-cases/new", "use-cases/1/edit"])
    assert.ok(isFormPath(`/crm/${path}/`), path);
  for (const path of ["accounts/edit", "accounts/A/delete", "accounts/bulk/change", "updates"])
    assert.ok(!isFormPath(`/${path}/`), path);
});

test("a slash alone, or K with Ctrl or Cmd, opens the search", () => {
  assert.ok(isSearchKey({ key: "/" }));
  assert.ok(isSearchKey({ key: "k", ctrlKey: true, metaKey: false }));
  assert.ok(isSearchKey({ key: "K", ctrlKey: false, metaKey: true }));
  assert.ok(!isSearchKey({ key: "k", ctrlKey: false, metaKey: false }));
  assert.ok(!isSearchKey({ key: "k", ctrlKey: true, metaKey: false, shiftKey: true }));
  assert.ok(!isSearchKey({ key: "a" }));
  for (const name of ["ctrlKey", "metaKey", "altKey"]) {
    assert.ok(!isSearchKey({ key: "/", [name]: true }));
  }
});

test("a toast goes after its time, later while the pointer is in it", () => {
  let due;
  let isUsed = true;
  let isRemoved = false;
  const toast = {
    matches: () => isUsed,
    remove: () => {
      isRemoved = true;
    },
  };
  removeWhenUnused(toast, (run) => {
    due = run;
  });
  due();
  assert.ok(!isRemoved);
  isUsed = false;
  due();
  assert.ok(isRemoved);
});

test("a field is edited when it holds something else than the server wrote", () => {
  const field = (kind, rest) => ({ matches: (selector) => selector.includes(kind), ...rest });
  assert.ok(isEdited(field("text", { value: "a", defaultValue: "b" })));
  assert.ok(!isEdited(field("text", { value: "a", defaultValue: "a" })));
  assert.ok(isEdited(field("checkbox", { checked: true, defaultChecked: false })));
  const option = (index, selected, defaultSelected) => ({ index, selected, defaultSelected });
  const choice = (...options) => field("select", { options });
  assert.ok(isEdited(choice(option(0, false, false), option(1, true, false))));
  // Browsers select the first option where the server marked none.
  assert.ok(!isEdited(choice(option(0, true, false), option(1, false, false))));
});

test("a range of rows has both ends, in either direction", () => {
  const boxes = ["a", "b", "c", "d"];
  assert.deepEqual(rangeOf(boxes, "b", "d"), ["b", "c", "d"]);
  assert.deepEqual(rangeOf(boxes, "d", "b"), ["b", "c", "d"]);
  assert.deepEqual(rangeOf(boxes, "b", "b"), ["b"]);
  // The list was replaced after the first click.
  assert.deepEqual(rangeOf(boxes, "gone", "c"), ["c"]);
});

test("the bar says how many rows of the page are selected", () => {
  assert.equal(selectedText(3, 25), "3 of 25 on this page selected");
});

test("a list's link keeps choices whose answer is awaited, and goes to their first page", () => {
  const asked = (query, ...edited) => {
    const pairs = new URLSearchParams(query);
    addChoices(pairs, edited);
    return String(pairs);
  };
  const box = (value, checked) => ({ name: "vp", type: "checkbox", value, checked });
  assert.equal(asked("sort=-team", box("Vera", true)), "sort=-team&vp=Vera");
  assert.equal(asked("vp=Vera&vp=Max&page=3", box("Vera", false)), "vp=Max");
  assert.equal(asked("page=3"), "page=3");
  const search = { name: "q", type: "search", value: "claims", defaultValue: "" };
  assert.equal(asked("q=old&sort=team", search), "q=claims&sort=team");
  assert.equal(asked("q=old", { ...search, value: "" }), "");
  const day = { name: "since", type: "date", value: "2026-02-01", defaultValue: "2026-01-01" };
  assert.equal(asked("since=2026-01-01&since=never", day), "since=never&since=2026-02-01");
});

test("of toasts that say the same the latest stays", () => {
  const gone = [];
  const all = ["Saved.", "No answer.", " No answer. "].map((text, place) => ({
    textContent: text,
    remove: () => gone.push(place),
  }));
  removeRepeated(all);
  assert.deepEqual(gone, [1]);
});
