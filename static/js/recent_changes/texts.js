// The sentences about recent changes.

const LONGEST_NAME = 60;
const MOST_ANNOUNCED = 3;

export function shorten(text) {
  if (text.length <= LONGEST_NAME) return text;
  return `${text.slice(0, LONGEST_NAME).trimEnd()}…`;
}

// Return a sentence such as "bob@example.com changed a use case “Forecast” of Supply team".
// `names` has recordName(key), "" if the page does not show one, and teamOf(bsnid). On the page
// of an account the sentence leaves out the team.
export function describe(change, page, names) {
  const name = names.recordName(change.record);
  if (change.table === "accounts") {
    return `${change.summary} ${name || names.teamOf(change.account)}`;
  }
  const quoted = name ? ` “${name}”` : "";
  const team = page.account ? "" : ` of ${names.teamOf(change.account)}`;
  return `${change.summary}${quoted}${team}`;
}

// Return the text for screen readers: the last few of the sentences.
export function announcement(sentences) {
  return sentences.slice(-MOST_ANNOUNCED).join(". ");
}

// Return the text of the mark beside a change. `place` is the kind of element that is marked:
// "change" in a history, "record", or only the "account" that the record belongs to.
export function markText(change, place) {
  if (place === "change") return "new";
  return place === "record" ? `${change.kind} by ${change.person}` : change.summary;
}

export function newChangesText(count) {
  return `${count} new change${count > 1 ? "s" : ""} – show`;
}
