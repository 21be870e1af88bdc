"""The sentences of the pages that merge two accounts."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.text import get_text_list

from crm.model.schema import ACCOUNTS, Table

from ._merge_choice import Questions
from ._wording import counted

EXPIRED = "This page was too old, so nothing was merged. Look at both accounts, and merge again."
CHANGED = (
    "Somebody changed one of the accounts after you saw them, so nothing was merged. What you "
    "chose is still chosen: look at both again, and merge."
)
CHANGED_HALF_WAY = (
    "Somebody changed one of the accounts while they were merged, so both exist. What had moved "
    "by then has moved. What you chose is still chosen: look at both again, and merge."
)
DONE_BEFORE = "These accounts were merged before, by the same button."


def lead(questions: Questions) -> str:
    """Say what the merge does, before it is done."""
    kept, other = questions.kept.title, questions.other.title
    counts = [counted(n, one, many) for n, one, many in questions.moved() if n]
    many = len(counts) > 1 or any(n > 1 for n, _, _ in questions.moved())
    moves = f"{get_text_list(counts, 'and')} {'move' if many else 'moves'} to" if counts else ""
    first = f"{moves} {kept}, and {other} is deleted." if moves else f"{other} is deleted."
    return f"{first} Those who follow {questions.other.bsnid} follow {questions.kept.bsnid} then."


def masked(questions: Questions) -> str:
    """Say which fields cannot be chosen; empty if all can."""
    labels = [c.label for c in ACCOUNTS.editable if c.name in questions.masked]
    if not labels:
        return ""
    return (
        f"A policy masks {get_text_list(labels, 'and')} for you: {questions.kept.bsnid} keeps its "
        f"own, and what {questions.other.bsnid} has there is deleted with it."
    )


def hidden(hidden: Mapping[Table, int]) -> str:
    counts = [counted(n, table.singular, table.plural) for table, n in hidden.items()]
    return (
        f"Nothing was merged: a row filter hides {get_text_list(counts, 'and')} of these accounts "
        "from you. Ask somebody who sees all of them."
    )


def done(summary: str) -> str:
    """Return the message after a merge; ``summary`` is that of its note."""
    return f"{summary[:1].upper()}{summary[1:]}."
