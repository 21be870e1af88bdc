// The sentences that recent changes appear in.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  announcement,
  describe,
  markText,
  newChangesText,
  shorten,
} from "../../static/js/recent_changes/texts.js";

const names = (known = {}) => ({
  recordName: (key) => known[key] ?? "",
  teamOf: (bsnid) => known[bsnid] ?? bsnid,
});
const LIST = { account: undefined };
const change = {
  record: "use_cases/1",
  account: "A",
  table: "use_cases",
  kind: "changed",
  person: "bob",
  summary: "bob changed a use case",
};

test("a sentence names the record and the team, as far as the page shows them", () => {
  const known = { "use_cases/1": "Forecast", A: "Supply" };
  assert.equal(
    describe(change, LIST, names(known)),
    "bob changed a use case “Forecast” of Supply",
  );
  assert.equal(describe(change, LIST, names()), "bob changed a use case of A");
});

test("on the page of an account the sentence leaves out the team", () => {
  assert.equal(describe(change, { account: "A" }, names()), "bob changed a use case");
});

test("an account is named by its title, or else by its team", () => {
  const account = {
    ...change,
    record: "accounts/A",
    table: "accounts",
    summary: "bob changed the account",
  };
  const text = (known) => describe(account, { account: "A" }, names(known));
  assert.equal(text({ "accounts/A": "Title", A: "Supply" }), "bob changed the account Title");
  assert.equal(text({ A: "Supply" }), "bob changed the account Supply");
});

test("a long name ends after sixty characters, without a space before the dots", () => {
  assert.equal(shorten("x".repeat(60)), "x".repeat(60));
  assert.equal(shorten("x".repeat(61)), `${"x".repeat(60)}…`);
  assert.equal(shorten(`${"x".repeat(59)} yy`), `${"x".repeat(59)}…`);
});

test("the last three sentences are read out", () => {
  assert.equal(announcement(["a", "b", "c", "d"]), "b. c. d");
  assert.equal(announcement(["a"]), "a");
});

test("a mark says who did what, where the page does not say it itself", () => {
  assert.equal(markText(change, "change"), "new");
  assert.equal(markText(change, "record"), "changed by bob");
  assert.equal(markText(change, "account"), "bob changed a use case");
});

test("the button counts the new changes", () => {
  assert.equal(newChangesText(1), "1 new change – show");
  assert.equal(newChangesText(2), "2 new changes – show");
});
