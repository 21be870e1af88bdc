"""The sentences of the import page in each phase; unit tests read them without a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm.importing.importer import FAIL, UPDATE
from crm.repository import summaries
from crm.repository.tables.notes import Noted
from crm.repository.transfer.import_traces import Trace

from ._wording import counted

_RUN_AGAIN = "You can run it again: rows that are already written do not change."


@dataclass(frozen=True)
class Samples:
    """Some rows of a table that are new, or that differ from the stored ones.

    ``verb`` is the text before each value of the file: "becomes" or "in the file".
    """

    heading: str
    note: str
    verb: str
    is_new: bool
    total: int
    rows: list[Any]

    @property
    def is_cut(self) -> bool:
        return self.total > len(self.rows)


def samples(tables: Iterable[Mapping[str, Any]], on_conflict: str) -> list[Samples]:
    """Return the rows that the preview shows, by table and state."""
    return [
        _samples(table, state, rows, on_conflict)
        for table in tables
        for state, rows in table.get("samples", {}).items()
        if rows
    ]


def _samples(table: Mapping[str, Any], state: str, rows: list[Any], on_conflict: str) -> Samples:
    name = table["plural"]
    is_new = state == "new"
    changes = is_new or on_conflict == UPDATE
    if is_new:
        heading = f"New {name}"
    else:
        heading = f"{name.capitalize()} that {'change' if changes else 'differ'}"
    note = ""
    if not changes:
        note = "They stay as they are."
        if on_conflict == FAIL:
            note = "They stay as they are, and nothing else is imported."
    verb = "becomes" if changes else "in the file"
    return Samples(heading, note, verb, is_new, table[state], rows)


def at_work(importing: bool, rows: int, total: int, stopping: bool) -> dict[str, str]:
    """Return the progress, and what a person can do in the meantime."""
    if not importing:
        progress = f"Reading and comparing: {counted(rows, 'row')} so far"
    elif rows:
        progress = f"Importing: {rows:,} of {counted(total, 'row')}"
    else:
        progress = f"Starting: 0 of {counted(total, 'row')}"
    if stopping:
        return {
            "progress": progress,
            "advice": "The work stops as soon as the current step is done.",
        }
    advice = "You can leave this page and return to its address."
    if importing:
        advice += " If you stop the import, the rows already written stay."
    return {"progress": progress, "advice": advice}


def preview(
    obstacle: str, on_conflict: str, sums: Mapping[str, int], refused: int, stale: int = 0
) -> dict[str, str]:
    """Return the sentences that say what the import would do, or why it would do nothing.

    ``sums`` counts the file's ``new``, ``different`` and ``unchanged`` rows; ``stale`` are older
    than the stored ones.
    """
    different = sums["different"]
    to_write = sums["new"] + (different if on_conflict == UPDATE else 0)
    texts = {"different": "Changed" if on_conflict == UPDATE else "Different, kept as is"}
    if obstacle == "refused":
        verb, them = ("is", "it") if refused == 1 else ("are", "them")
        return texts | {
            "heading": f"Nothing would be imported: {counted(refused, 'row')} {verb} refused",
            "advice": "You chose to import nothing if any row is refused. Correct "
            f"{them} and choose the file again, or import the other rows without {them}.",
            "leave_out": f"Leave {them} out",
        }
    if obstacle:
        verb, them, are = ("exists", "it", "is") if different == 1 else ("exist", "them", "are")
        they = "it" if different == 1 else "they"
        return texts | {
            "heading": f"Nothing would be imported: {counted(different, 'row')} already {verb} "
            "with different values",
            "advice": "You chose to import nothing in this case. Compare the values below, then "
            "keep the existing ones or replace them with those of the file.",
            "skip": f"Leave {them} as {they} {are}",
            "update": f"Change {them}",
        }
    if to_write:
        return texts | {"lead": "Nothing has been written yet. This is what the import would do."}
    return texts | {"lead": _nothing(sums, refused, stale)}


def _nothing(sums: Mapping[str, int], refused: int, stale: int) -> str:
    """Return why there is nothing to write."""
    if sums["different"]:
        return "There is nothing to write: the rows that differ keep their existing values."
    if stale:
        return "There is nothing to write: nothing in the file is newer."
    if refused and not sums["unchanged"]:
        return f"Nothing can be imported: {_all_refused(refused)}."
    if not sums["unchanged"]:
        return "Nothing can be imported: the file has no rows."
    return "There is nothing to write: the file has no new or changed rows."


def stale(rows: int, on_conflict: str) -> str:
    """Say what happens to rows that are older than the stored ones; empty if there are none."""
    if not rows:
        return ""
    are = "is" if rows == 1 else "are"
    older = f"{counted(rows, 'row')} of the file {are} older than what is stored"
    if on_conflict != UPDATE:
        return f"{older}, which stays as it is."
    return (
        f"{older}. Only what was changed in the file is written; what was changed here later "
        "stays. Where it is unknown what the file changed, the stored row stays. The remarks "
        "name each."
    )


def _all_refused(refused: int) -> str:
    return "its only row is refused" if refused == 1 else f"all {refused:,} rows are refused"


def failed(importing: bool, died: bool, state: Mapping[str, Any]) -> dict[str, str]:
    """Say what stopped, why, and whether it is safe to run it again."""
    stopped = bool(state.get("stopped"))
    if importing:
        heading = "The import stopped"
    elif stopped and not died:
        heading = "Reading the file was stopped"
    else:
        heading = "The preview failed"
    reason = "The process that did the work has ended." if died else str(state.get("error", ""))
    advice = ""
    if importing and state.get("rows"):
        done = f"{state['rows']:,} of {counted(state['total'], 'row')} were done."
        advice = f"{done} {_RUN_AGAIN}"
    elif importing and (died or state.get("wrote")):
        advice = _RUN_AGAIN
    elif importing:  # an attempt is noted in ``wrote`` before it sends its first row
        advice = "No row of the file was written."
    again = "Continue" if stopped else "Try again"
    return {"heading": heading, "reason": reason, "advice": advice, "again": again}


def done(tables: Iterable[Mapping[str, Any]], on_conflict: str) -> dict[str, str]:
    """Say what was written, and whether the warehouse confirms it.

    The warehouse compares the rows that were written or were equal before, but not the rows that
    kept values different from the file's.
    """
    tables = list(tables)
    written = sum(table["written"] for table in tables)
    undo = f"Undo {counted(written, 'row')}"
    kept = 0 if on_conflict == UPDATE else sum(table["different"] for table in tables)
    meanwhile = sum(table.get("meanwhile", 0) for table in tables)
    older = sum(table.get("stale", 0) for table in tables) if on_conflict == UPDATE else 0
    if all(table["verified"] for table in tables):
        advice = []
        if kept:
            was = "row exists" if kept == 1 else "rows exist"
            advice.append(f"{kept:,} {was} with different values and stayed unchanged.")
        if meanwhile:
            stay, name = ("it stays", "it") if meanwhile == 1 else ("they stay", "each")
            advice.append(
                f"Somebody changed {counted(meanwhile, 'row')} here after the preview: {stay} so. "
                f"The remarks name {name}."
            )
        if older:
            advice.append(_were_older(older))
        if written or any(table["unchanged"] for table in tables):
            others = "all other" if advice else "all"
            advice.append(
                f"The warehouse compared counts and checksums: {others} accepted rows were in the "
                "tables with the imported values."
            )
        heading = "Imported, and verified" if written else "There was nothing to write"
        return {"heading": heading, "advice": " ".join(advice), "undo": undo}
    return {
        "undo": undo,
        "heading": "The tables differ from the file",
        "advice": "Somebody may have changed these rows in the meantime, or added rows with the "
        "same keys: the page Integrity lists such keys. Look at the figures below and at the "
        "history. You can safely import the file again.",
    }


def _were_older(rows: int) -> str:
    was, name = ("was", "it") if rows == 1 else ("were", "each")
    return (
        f"{counted(rows, 'row')} of the file {was} older than what was stored, and merged with it "
        f"or left out. The remarks name {name}."
    )


def undone(undos: Collection[Noted]) -> dict[str, str]:
    """Say what was undone of an import, by the notes of its attempts' undos; nothing if nothing
    was."""
    if not any(undo.summary for undo in undos):
        return {}
    if not all(undo.summary for undo in undos):
        return {
            "heading": "A part of the import was undone, or its undo has begun",
            "advice": "The figures below are from before that. The activity shows what the undo "
            "took back. You can safely undo the whole import.",
        }
    if all(undo.is_ended for undo in undos):
        left = sum(summaries.left_by_undo(undo.summary) for undo in undos)
        rest = f", except for {left:,} of its records" if left else ""
        return {
            "heading": f"The import was undone{rest}",
            "advice": "The figures below are from before that. The activity shows what the undo "
            "took back.",
        }
    return {
        "heading": "The undo of the import has begun",
        "advice": "It has not reported its end: it may still be running, or it stopped half-way. "
        "The figures below are from before it. You can safely undo the import again.",
    }


def elsewhere(trace: Trace) -> dict[str, str]:
    """Say what the tables show of an import whose file and state are not on this instance's disk.
    Another instance may have them."""
    if trace.rows:
        rows = "1 row is" if trace.rows == 1 else f"{trace.rows:,} rows are"
        found = f"{rows} in the tables as the import wrote {'it' if trace.rows == 1 else 'them'}."
    else:
        found = "No row that you see in the tables is from an import of yours with this address."
    if trace.begun > trace.ended:
        end = "It began to write and has not reported its end, so it may still be running."
    elif trace.ended:
        end = "It has ended; the activity lists it, with what it wrote."
    else:
        end = ""
    return {"found": found, "end": end}
