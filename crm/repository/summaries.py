"""What an operation of many rows did, in words that follow the person's name."""

from __future__ import annotations

from .operations import REPAIR

_FROM, _REPAIRED = " from ", "repaired "
LOADED_SAMPLE = "loaded the sample data"


def imported(rows: int, source: str) -> str:
    """Return the summary of an import or a copy."""
    # The note of the beginning has no number: the process may end before the next note.
    number = f"{rows:,} " if rows else ""
    return f"imported {number}{'row' if rows == 1 else 'rows'}{_FROM}{source}"


def repaired(check: str) -> str:
    return f"{_REPAIRED}“{check}”"


def began_to_undo(undone: str) -> str:
    """Return the summary of a revert that has not finished. ``undone``: see ``name_of``."""
    return f"began to undo {undone}"


def undid(undone: str, left: int) -> str:
    """Return the summary of a revert that left so many records alone."""
    rest = f", except for {left:,} of its records" if left else ""
    return f"undid {undone}{rest}"


def name_of(kind: str, summary: str) -> str:
    """Return what people call the operation that has this summary; "" if it has none."""
    if kind == REPAIR:
        return f"the repair {summary.removeprefix(_REPAIRED)}".rstrip()
    _, _, source = summary.partition(_FROM)
    return f"the import of {source}" if source else "one operation"
