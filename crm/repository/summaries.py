"""Summaries of operations on many rows; pages show them after the person's name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .operations import BULK, MERGE, REPAIR

_FROM, _REPAIRED = " from ", "repaired "
_CHANGED, _DELETED, _MOVED, _MERGED = "changed ", "deleted ", "moved ", "merged "
_RENAMED, _IN = "renamed ", " in "
_BEGAN = {
    _CHANGED: "began to change ",
    _DELETED: "began to delete ",
    _MOVED: "began to move ",
    _RENAMED: "began to rename ",
    _MERGED: "began to merge ",
}
_LEFT = re.compile(r", except for ([\d,]+) of its records$")
LOADED_SAMPLE = "loaded the sample data"


def imported(rows: int, source: str) -> str:
    """Return the summary of an import or a copy."""
    # The note of the beginning has no number: the process may end before the next note.
    number = f"{rows:,} " if rows else ""
    return f"imported {number}{'row' if rows == 1 else 'rows'}{_FROM}{source}"


def repaired(check: str) -> str:
    return f"{_REPAIRED}“{check}”"


def changed(count: str, what: str) -> str:
    """Return the summary of a bulk change: ``count`` as ``56 accounts``, ``what`` as ``VP``."""
    return f"{_CHANGED}{count}: {what}"


def renamed(old: str, new: str, count: str) -> str:
    """Return the summary of a rename: ``old`` as ``“Val”, “V.”``, ``count`` as ``2 records``."""
    return f"{_RENAMED}{old} to “{new}”{_IN}{count}"


def deleted(count: str) -> str:
    """Return the summary of the deletion of many records."""
    return f"{_DELETED}{count}"


def moved(count: str, account: str) -> str:
    """Return the summary of a move of use cases or updates to an account."""
    return f"{_MOVED}{count} to {account}"


def merged(other: str, kept: str) -> str:
    """Return the summary of a merge of two accounts, which go by these names."""
    return f"{_MERGED}{other} into {kept}"


def began(summary: str) -> str:
    """Return the summary of an operation before it has ended, from that of its end."""
    return _with_verb(summary, _BEGAN)


def ended(began: str) -> str:
    """Return the summary of an operation that has ended, from that of its beginning."""
    return _with_verb(began, {word: done for done, word in _BEGAN.items()})


def _with_verb(summary: str, verbs: Mapping[str, str]) -> str:
    # Only at its beginning: the rest may be a name with the same words.
    found = next((verb for verb in verbs if summary.startswith(verb)), "")
    return verbs.get(found, "") + summary.removeprefix(found)


def began_to_undo(undone: str) -> str:
    """Return the summary of a revert that has not finished. ``undone``: see ``name_of``."""
    return f"began to undo {undone}"


def undid(undone: str, left: int) -> str:
    """Return the summary of a revert that left so many records alone."""
    rest = f", except for {left:,} of its records" if left else ""
    return f"undid {undone}{rest}"


def left_by_undo(undid: str) -> int:
    """Return how many records the revert with this summary left alone."""
    found = _LEFT.search(undid)
    return int(found[1].replace(",", "")) if found else 0


def noun_of(summary: str) -> str:
    """Return the kind of the operation with this summary, as a noun for a button."""
    summary = ended(summary)
    if summary.startswith(_DELETED):
        return "deletion"
    if summary.startswith(_MOVED):
        return "move"
    if summary.startswith(_RENAMED):
        return "rename"
    if summary.startswith(_MERGED):
        return "merge"
    return "bulk change" if summary.startswith(_CHANGED) else "import"


def name_of(kind: str, summary: str) -> str:
    """Return the name of the operation with this summary; "" without a summary."""
    summary = ended(summary)
    if kind == REPAIR:
        return f"the repair {summary.removeprefix(_REPAIRED)}".rstrip()
    if kind == MERGE:
        return f"the merge of {summary.removeprefix(_MERGED)}"
    if kind == BULK and summary.startswith(_DELETED):
        return f"the deletion of {summary.removeprefix(_DELETED)}"
    if kind == BULK and summary.startswith(_MOVED):
        return f"the move of {summary.removeprefix(_MOVED)}"
    if kind == BULK and summary.startswith(_RENAMED):
        names, _, _ = summary.removeprefix(_RENAMED).rpartition(_IN)
        return f"the rename of {names}"
    if kind == BULK and summary:
        count, _, _ = summary.removeprefix(_CHANGED).partition(":")
        return f"the change of {count}"
    _, _, source = summary.partition(_FROM)
    return f"the import of {source}" if source else "one operation"
