// Decides what a page does with recent changes. Nothing here needs a document: `page` is
// { tables, account }, the tables that the page shows and the BSNID of its account, if it is
// about one; `shown` is a Shown, or anything that has hasChange() and versionOf().
//
// /live/ (crm/views/recent_changes.py) answers with the `cursor` for the next request, whether
// the server has forgotten changes since the last one (`missed`), and the `changes`, oldest
// first. Each change has
//   record   its key: "use_cases/42"        account  the BSNID of the record's account
//   table    "use_cases"                    version  the table's commit version
//   kind     created, changed or deleted    at       when, as data-version has it
//   person   an address, "You" or "Somebody"
//   summary  "bob@example.com changed a use case"

// The clocks of the server and of the warehouse may differ by this many milliseconds.
export const CLOCKS_DIFFER = 10_000;

// Return the keys under which the page may show the change: the record's, and the change's in
// a history.
export function keysOf(change) {
  return [change.record, changeKeyOf(change)];
}

export function changeKeyOf(change) {
  return `${change.record}/${change.version}`;
}

export function isAbout(change, page) {
  if (!page.tables.includes(change.table)) return false;
  return !page.account || page.account === change.account;
}

export function isAccountDeleted(change) {
  return change.table === "accounts" && change.kind === "deleted";
}

export function isPagesAccount(change, page) {
  return change.record === `accounts/${page.account}`;
}

// Does the page show the state after the change, or a later one? `madeAt`, in milliseconds, is
// when the server made the page; pass it with the first answer only. A record that the page
// does not show at all then counts as shown if it changed before the page was made.
export function isShown(change, shown, madeAt) {
  if (shown.hasChange(changeKeyOf(change))) return true;
  const version = shown.versionOf(change.record);
  if (version !== undefined) {
    return change.kind === "deleted" ? version > change.at : version >= change.at;
  }
  return madeAt !== undefined && Date.parse(change.at) < madeAt - CLOCKS_DIFFER;
}

// Split changes into those that the page does not show yet (`missing`) and those that an
// earlier refresh happened to bring along (`early`). `shownEarly` is the set of the keys that
// refreshes brought; the keys of the changes are removed from it.
export function splitByShown(changes, shown, shownEarly, madeAt) {
  const isMissing = (change) => !isShown(change, shown, madeAt);
  const wasBrought = (change) => keysOf(change).some((key) => shownEarly.delete(key));
  const early = changes.filter(wasBrought).filter((change) => !isMissing(change));
  return { early, missing: changes.filter(isMissing) };
}

// Return the keys in `after` that are new or have another version than in `before` and that
// none of the changes explains. Both are maps from key to version.
export function unexplainedKeys(before, after, changes) {
  const explained = new Set(changes.flatMap(keysOf));
  const differing = [...after].filter(([key, version]) => before.get(key) !== version);
  return differing.map(([key]) => key).filter((key) => !explained.has(key));
}

// Return the deletions that get a toast, since the page cannot mark them. An
// account's children are deleted with it: one toast is enough. The page's own account gets a
// banner instead. `wasShown` tells whether the page showed the record before it was refreshed.
export function deletionsForToasts(changes, page, wasShown) {
  const deletedAccounts = new Set(changes.filter(isAccountDeleted).map((each) => each.account));
  return changes.filter((change) => {
    if (change.kind !== "deleted" || !wasShown(change)) return false;
    const goesWithAccount = deletedAccounts.has(change.account) && !isAccountDeleted(change);
    return !goesWithAccount && !isPagesAccount(change, page);
  });
}

// The names of records that a refresh took from the page before the server reported that they
// were deleted: who deletes a record changes it first, and a poll may come between the two.
export class Vanished {
  #names = new Map();

  // `before` maps the keys of changed records to the names that the page showed for them.
  add(before, isOnPage) {
    for (const [key, name] of before) if (!isOnPage(key)) this.#names.set(key, name);
  }

  has(key) {
    return this.#names.has(key);
  }

  // Return names like `shown` that also know the names of these records.
  namesWith(shown) {
    return {
      recordName: (key) => shown.recordName(key) || (this.#names.get(key) ?? ""),
      teamOf: (bsnid) => shown.teamOf(bsnid),
    };
  }
}

// Return the latest change that the editor of `record` must know of, or undefined: the record
// was changed after `version`, from which the form was made, or was deleted, alone or with its
// account.
export function changeUnderEdit(changes, record, version, page) {
  return changes.findLast(
    (change) =>
      (change.record === record && (change.kind === "deleted" || change.at > version)) ||
      (isAccountDeleted(change) && isPagesAccount(change, page)),
  );
}
