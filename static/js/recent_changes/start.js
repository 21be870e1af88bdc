// Shows the changes of others on an open page, without a reload: asks the server for recent
// changes, refreshes the regions of the page, and marks the changes. Text that the reader is
// typing stays.
import { isAbout, splitByShown, Vanished } from "./changes.js";
import { Marks } from "./marks.js";
import { Notices } from "./notices.js";
import { Poll } from "./poll.js";
import { Refresh } from "./refresh.js";
import { Shown } from "./shown.js";
import { describe } from "./texts.js";
import { Unread } from "./unread.js";

const USE = ["pointerdown", "pointermove", "keydown", "scroll"];

const main = document.querySelector("[data-live]");
if (main) start();

function start() {
  const page = { tables: main.dataset.live.split(" "), account: main.dataset.of };
  const shown = new Shown(main);
  const marks = new Marks(shown);
  const unread = new Unread(main, shown);
  const notices = new Notices(main, page, shown);
  const onAccountGone = () => notices.endAccountPage("The account was deleted");
  const refresh = new Refresh({ main, shown, marks, unread, onAccountGone });
  const ask = asker({ page, shown, marks, notices, refresh });
  const poll = new Poll({ ask, isHidden: () => document.hidden, clock: browserClock() });
  for (const name of USE) document.addEventListener(name, () => poll.wake(), { passive: true });
  document.addEventListener("visibilitychange", () => poll.wake());
  unread.start();
  refresh.start();
  poll.start();
}

function browserClock() {
  return {
    now: () => Date.now(),
    setTimeout: (run, delay) => setTimeout(run, delay),
  };
}

// Return a function that asks for the changes since it last asked, shows them, and resolves to
// the status of the answer.
function asker({ page, shown, marks, notices, refresh }) {
  const { liveUrl, now } = document.body.dataset;
  const vanished = new Vanished();
  const names = vanished.namesWith(shown);
  let cursor = "";

  async function show(answer) {
    const changes = answer.changes.filter((change) => isAbout(change, page));
    const madeAt = cursor === "" ? Date.parse(now) : undefined;
    const { early, missing } = splitByShown(changes, shown, refresh.shownEarly, madeAt);
    // A deleted record has a name only before the refresh, a new one only after it.
    const deleted = missing.filter((change) => change.kind === "deleted");
    const before = new Map(deleted.map((change) => [change, describe(change, page, names)]));
    const wasHere = (record) => shown.findRecord(record) || vanished.has(record);
    const vanishing = new Set(deleted.filter((change) => wasHere(change.record)));
    const changed = missing.map((change) => change.record).filter((key) => shown.findRecord(key));
    const named = new Map(changed.map((key) => [key, shown.recordName(key)]));
    for (const change of early) marks.mark(change);
    if (missing.length || answer.missed) await refresh.show(missing);
    vanished.add(named, (key) => shown.findRecord(key));
    // Only after the refresh: if it fails, the next request asks for the same changes again.
    cursor = answer.cursor;
    const all = [...early, ...missing];
    const sentenceOf = (change) => before.get(change) ?? describe(change, page, names);
    const sentences = new Map(all.map((change) => [change, sentenceOf(change)]));
    notices.tell(all, sentences, (change) => vanishing.has(change));
  }

  return async () => {
    const headers = { Accept: "application/json" };
    const answer = await fetch(`${liveUrl}?cursor=${cursor}`, { headers });
    if (answer.status === 200) await show(await answer.json());
    return answer.status;
  };
}
