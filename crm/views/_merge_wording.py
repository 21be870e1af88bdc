"""The sentences of the pages that merge two accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.text import get_text_list

from crm.model.schema import ACCOUNTS, Table

from ._merge_choice import Questions
from ._signed_plans import expired
from ._wording import counted

EXPIRED = f"{expired('merged')} Look at both accounts, and merge."
CHANGED = (
    "Somebody changed one of the accounts after you saw them, so nothing was merged. What you "
    "chose is still chosen: look at both again, and merge."
)
CHANGED_HALF_WAY = (
    "Somebody changed one of the accounts while they were merged, or undid the merge, so both "
    "exist. Unless it was undone, what had moved by then has moved. What you chose is still "
    "chosen: look at both again, and merge."
)
UNDONE = (
    "This button has merged these accounts before, or begun to, and both exist again. Nothing was "
    "merged now: look at both, and merge."
)
DOUBLE = "Nothing was merged."
DONE_BEFORE = "This button has already merged these accounts."


def lead(questions: Questions) -> str:
    """Say what the merge does, before it is done."""
    kept, other = questions.kept.title, questions.other.title
    counts = [counted(n, one, many) for n, one, many in questions.moved() if n]
    many = len(counts) > 1 or any(n > 1 for n, _, _ in questions.moved())
    moves = f"{get_text_list(counts, 'and')} {'move' if many else 'moves'} to" if counts else ""
    first = f"{moves} {kept}, and {other} is deleted." if moves else f"{other} is deleted."
    return f"{first} Those who follow {questions.other.bsnid} then follow {questions.kept.bsnid}."


def masked(questions: Questions) -> str:
    """Say which fields cannot be chosen; empty if all can."""
    labels = [c.label for c in ACCOUNTS.editable if c.name in questions.masked]
    if not labels:
        return ""
    kept, other = questions.kept.bsnid, questions.other.bsnid
    return (
        f"A policy masks {get_text_list(labels, 'and')}: {kept} keeps its own, and what {other} "
        "has there is deleted with it."
    )


def may_stay(filtered: Sequence[Table], other: str) -> str:
    """Say before a merge what may not move; empty where no row filter hides children."""
    if not filtered:
        return ""
    return f"{_plurals(filtered)} of {other} that a row filter hides from you do not move."


def may_have_stayed(filtered: Sequence[Table]) -> str:
    """Say after a merge what may not have moved; empty where no row filter hides children."""
    if not filtered:
        return ""
    return f"{_plurals(filtered)} that a row filter hides from you, if any, did not move."


def _plurals(tables: Sequence[Table]) -> str:
    text = get_text_list([table.plural for table in tables], "and")
    return f"{text[:1].upper()}{text[1:]}"


def deleted_half_way(kept: str, other: str) -> str:
    """Say that somebody deleted the account ``kept`` while ``other`` was merged into it."""
    return (
        f"Somebody deleted the account “{kept}” while “{other}” was merged into it. What had "
        f"moved by then may have been deleted with “{kept}”; its history can bring that back."
    )


def other_deleted_half_way(kept: str, other: str) -> str:
    """Say that somebody deleted the account ``other`` while it was merged into ``kept``."""
    return (
        f"Somebody deleted the account “{other}”, or merged it, before this merge into “{kept}” "
        f"was finished. What was not in “{kept}” by then went with “{other}”, whose history shows "
        "it."
    )


def undone_and_gone(other: str) -> str:
    """Say that the merge was undone, and that the account ``other`` is not there now."""
    return (
        f"This merge was undone, or its undo has begun, and there is no account “{other}” now. "
        "Nothing was merged now. The activity shows who did what."
    )


def hidden(hidden: Mapping[Table, int]) -> str:
    counts = [counted(n, table.singular, table.plural) for table, n in hidden.items()]
    return (
        f"Nothing was merged: a row filter hides {get_text_list(counts, 'and')} of these accounts "
        "from you. Ask somebody who sees all of them."
    )


def done(summary: str, other: str, *, is_sure: bool) -> str:
    """Return the message after a merge; ``summary`` is that of its note.

    ``is_sure``: it is known that the merge deleted the account ``other``.
    """
    text = f"{summary[:1].upper()}{summary[1:]}."
    if is_sure:
        return text
    return f"{text} If somebody else deleted {other} meanwhile, what had not moved went with it."
