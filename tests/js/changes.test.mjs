// What a page does with recent changes.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CLOCKS_DIFFER,
  changeUnderEdit,
  deletionsForToasts,
  isAbout,
  isShown,
  keysOf,
  splitByShown,
  unexplainedKeys,
  Vanished,
} from "../../static/js/recent_changes/changes.js";

const EARLIER = "2026-01-01T10:00:00.000000";
const NOW = "2026-01-01T10:00:01.000000";
const LATER = "2026-01-01T10:00:02.000000";

const changed = (rest = {}) => ({
  record: "use_cases/1",
  account: "A",
  table: "use_cases",
  kind: "changed",
  version: 7,
  at: NOW,
  person: "bob",
  ...rest,
});
const accountDeleted = (rest = {}) =>
  changed({ record: "accounts/A", table: "accounts", kind: "deleted", ...rest });

// A page with these records (key: version) and these changes in a history.
const showing = (records = {}, changes = []) => ({
  versionOf: (key) => records[key],
  hasChange: (key) => changes.includes(key),
});

test("a page is about the changes of its tables and of its account", () => {
  const page = { tables: ["use_cases"], account: "A" };
  assert.ok(isAbout(changed(), page));
  assert.ok(!isAbout(changed({ table: "updates" }), page));
  assert.ok(!isAbout(changed({ account: "B" }), page));
  assert.ok(isAbout(changed({ account: "B" }), { tables: ["use_cases"], account: undefined }));
});

test("a record is shown with the version of the change or a later one", () => {
  assert.ok(!isShown(changed(), showing({ "use_cases/1": EARLIER })));
  assert.ok(isShown(changed(), showing({ "use_cases/1": NOW })));
  assert.ok(isShown(changed(), showing({ "use_cases/1": LATER })));
});

test("a deletion is shown only where the record was created again since", () => {
  const deleted = changed({ kind: "deleted" });
  assert.ok(!isShown(deleted, showing({ "use_cases/1": NOW })));
  assert.ok(isShown(deleted, showing({ "use_cases/1": LATER })));
});

test("a history shows a change by its own key", () => {
  assert.deepEqual(keysOf(changed()), ["use_cases/1", "use_cases/1/7"]);
  assert.ok(isShown(changed(), showing({}, ["use_cases/1/7"])));
  assert.ok(!isShown(changed(), showing({}, ["use_cases/1/6"])));
});

test("with the first answer, what is older than the page counts as shown", () => {
  const at = "2026-01-01T10:00:00Z";
  const change = changed({ at });
  const made = Date.parse(at);
  assert.ok(isShown(change, showing(), made + CLOCKS_DIFFER + 1));
  assert.ok(!isShown(change, showing(), made + CLOCKS_DIFFER));
  assert.ok(!isShown(change, showing(), undefined));
});

test("what a refresh brought before its change is marked, and only once", () => {
  const early = changed();
  const missing = changed({ record: "use_cases/2" });
  const unmarked = changed({ record: "use_cases/3" });
  const shown = showing({ "use_cases/1": NOW, "use_cases/2": EARLIER, "use_cases/3": NOW });
  const shownEarly = new Set(["use_cases/1", "use_cases/9"]);
  const split = splitByShown([early, missing, unmarked], shown, shownEarly);
  assert.deepEqual(split, { early: [early], missing: [missing] });
  assert.deepEqual([...shownEarly], ["use_cases/9"]);
  assert.deepEqual(splitByShown([early], shown, shownEarly).early, []);
});

test("a change that is missing again is no early one", () => {
  const shownEarly = new Set(["use_cases/1"]);
  const split = splitByShown([changed()], showing({ "use_cases/1": EARLIER }), shownEarly);
  assert.equal(split.early.length, 0);
  assert.equal(split.missing.length, 1);
});

test("keys that differ after a refresh are explained by changes, or remembered", () => {
  const before = new Map([
    ["use_cases/1", "a"],
    ["updates/1", "a"],
    ["updates/2", "a"],
  ]);
  const after = new Map([
    ["use_cases/1", "b"],
    ["updates/1", "b"],
    ["updates/2", "a"],
    ["updates/3", "a"],
  ]);
  assert.deepEqual(unexplainedKeys(before, after, [changed()]), ["updates/1", "updates/3"]);
});

test("a toast tells of each deletion that the page showed, and of an account's only once", () => {
  const page = { tables: [], account: undefined };
  const child = changed({ kind: "deleted" });
  const other = changed({ kind: "deleted", record: "updates/5", table: "updates", account: "B" });
  const all = [changed({ record: "updates/1" }), child, accountDeleted(), other];
  const everything = () => true;
  assert.deepEqual(deletionsForToasts(all, page, everything), [accountDeleted(), other]);
  assert.deepEqual(deletionsForToasts([child], page, everything), [child]);
  assert.deepEqual(
    deletionsForToasts([child], page, () => false),
    [],
  );
});

test("a record that a refresh took away before its deletion was reported keeps its name", () => {
  const vanished = new Vanished();
  const before = new Map([
    ["updates/1", "Met the team"],
    ["updates/2", "Stays"],
  ]);
  vanished.add(before, (key) => key === "updates/2");
  assert.ok(vanished.has("updates/1"));
  assert.ok(!vanished.has("updates/2"));
  const names = vanished.namesWith({
    recordName: (key) => (key === "updates/3" ? "Shown" : ""),
    teamOf: (bsnid) => `Team ${bsnid}`,
  });
  const found = ["updates/1", "updates/2", "updates/3"].map(names.recordName);
  assert.deepEqual(found, ["Met the team", "", "Shown"]);
  assert.equal(names.teamOf("A"), "Team A");
});

test("no toast tells of the page's own account", () => {
  const page = { tables: [], account: "A" };
  assert.deepEqual(
    deletionsForToasts([accountDeleted()], page, () => true),
    [],
  );
});

test("whoever edits a record is warned of its latest change after the form was made", () => {
  const page = { tables: [], account: "A" };
  const warning = (changes) => changeUnderEdit(changes, "use_cases/1", NOW, page);
  const later = changed({ at: LATER });
  assert.equal(warning([changed({ at: EARLIER }), changed()]), undefined);
  assert.equal(warning([later]), later);
  assert.equal(warning([changed({ at: LATER, record: "use_cases/2" })]), undefined);
  const deleted = changed({ kind: "deleted", at: EARLIER });
  assert.equal(warning([later, deleted]), deleted);
});

test("whoever edits a record is warned when its account is deleted", () => {
  const page = { tables: [], account: "A" };
  const change = accountDeleted();
  assert.equal(changeUnderEdit([change], undefined, "", page), change);
  const other = accountDeleted({ record: "accounts/B", account: "B" });
  assert.equal(changeUnderEdit([other], undefined, "", page), undefined);
});
