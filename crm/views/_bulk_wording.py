"""The sentences of the pages of a bulk change; unit tests read them without a page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.text import get_text_list

from crm.model.schema import Table
from crm.repository import summaries
from crm.repository.bulk.actions import Move, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.change import Preview
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.outcome import LeftAlone

from . import _revert_wording
from ._bulk_plan import Change
from ._signed_plans import expired
from ._wording import counted

# How many rows a page names of each kind.
NAMED = 20
_SHORT = 80

EXPIRED = f"{expired('changed')} Preview the change again."


@dataclass(frozen=True)
class Reason:
    """Why some rows are left alone: a sentence, the first names, how many more there are."""

    text: str
    names: list[str]
    more: int


def nothing_chosen(table: Table) -> str:
    return f"Select at least one {table.singular} first."


def done_before(table: Table) -> str:
    return f"This button has already deleted these {table.plural}."


def undone(action: Change) -> str:
    """Say why a change that was undone does not go on, and how to make it all the same."""
    noun = "change"
    if isinstance(action, (Delete, Move)):
        noun = "deletion" if isinstance(action, Delete) else "move"
    again = f"To do it all the same, select the {action.of.plural} again."
    return f"{_revert_wording.undone(noun, _verb(action))} {again}"


def rows(count: int, table: Table) -> str:
    return counted(count, table.singular, table.plural)


def title(action: Change) -> str:
    """Return the heading that describes the action."""
    if isinstance(action, SetField):
        label = action.of.column(action.column).label
        return f"Set {label} to “{_short(action.value)}”" if action.value else f"Empty {label}"
    if isinstance(action, SetStatus):
        return f"Set {action.platform} to {action.status}"
    if isinstance(action, Move):
        return f"Move to {_short(action.team)}"
    return f"Delete {action.of.plural}" if isinstance(action, Delete) else "Write an update"


def summary(action: Change, count: int) -> str:
    """Return the operation's summary; it is shown after the person's name."""
    number = rows(count, action.of)
    if isinstance(action, Delete):
        return summaries.deleted(number)
    if isinstance(action, Move):
        return summaries.moved(number, f"{_short(action.team)} ({action.bsnid})")
    if isinstance(action, SetField):
        label = action.of.column(action.column).label
        what = f"{label} to “{_short(action.value)}”" if action.value else f"emptied {label}"
    elif isinstance(action, SetStatus):
        what = f"{action.platform} to {action.status}"
    else:
        assert isinstance(action, WriteUpdate)
        what = f"an update “{_short(str(action.values.get('description') or ''))}”"
    return summaries.changed(number, what)


def too_many(most: int, table: Table) -> str:
    return (
        f"These are more {table.plural} than one change takes: at most {most:,}. Choose fewer "
        "with the filters of the list."
    )


def not_one_account(keys: list[str]) -> str:
    """Say that the text which names the target account matches none, or several (``keys``)."""
    if not keys:
        return "You see no account with this BSNID or team."
    return f"Several accounts have this team: {', '.join(keys)}. Type the BSNID."


def selected(count: int, table: Table, *, is_narrowed: bool) -> str:
    """Say which rows change: ``count`` selected ones; without a count all, or all that match."""
    if count:
        return f"{rows(count, table)} that you selected"
    return f"All {table.plural}{' that match' if is_narrowed else ''}"


def will_change(preview: Preview, action: Change, *, is_narrowed: bool) -> str:
    count, left = len(preview.changes), len(reasons(preview, action))
    if not count and left:
        return "There is nothing to change."
    if not count:
        matches = f"No {action.of.singular} matches any more."
        return matches if is_narrowed else f"The list has no {action.of.plural} any more."
    number = rows(count, action.of)
    if isinstance(action, Delete):
        return f"{number} will be deleted{_with_children(preview)}."
    if isinstance(action, Move):
        return f"{number} {'moves' if count == 1 else 'move'} to {_short(action.team)}."
    does = "gets an update" if isinstance(action, WriteUpdate) else "changes"
    do = "get an update" if isinstance(action, WriteUpdate) else "change"
    return f"{number} {does if count == 1 else do}."


def _with_children(preview: Preview) -> str:
    counts = [counted(n, t.singular, t.plural) for t, n in preview.children.items() if n]
    return f", together with {get_text_list(counts, 'and')}" if counts else ""


def button(preview: Preview, action: Change) -> str:
    number = rows(len(preview.changes), action.of)
    if isinstance(action, Delete):
        return f"Delete {number}"
    if isinstance(action, Move):
        return f"Move {number}"
    return f"Write to {number}" if isinstance(action, WriteUpdate) else f"Change {number}"


def reasons(preview: Preview, action: Change) -> list[Reason]:
    """Return why rows of the selection are left alone, one for each reason that applies."""
    same = [row.name for row in preview.same]
    belongs = isinstance(action, Move)
    hidden = [row.name for row in preview.hidden]
    what = "records" if isinstance(action, Delete) else "a status for this platform"
    found = (
        (
            same,
            "belongs to this account already" if belongs else "has this value already",
            "belong to this account already" if belongs else "have this value already",
        ),
        (
            hidden,
            f"has {what} that a row filter hides from you",
            f"have {what} that a row filter hides from you",
        ),
        (
            list(preview.missing),
            "was deleted, or a row filter hides it from you",
            "were deleted, or a row filter hides them from you",
        ),
    )
    return [
        _reason(names, f"{rows(len(names), action.of)} {one if len(names) == 1 else many}:")
        for names, one, many in found
        if names
    ]


def changed(count: int, action: Change) -> str:
    """Say what was done."""
    verb = _verb(action)
    if not count:
        return f"No {action.of.singular} was {verb}."
    number = rows(count, action.of)
    if isinstance(action, WriteUpdate):
        return f"The update was written to {number}."
    return f"{number} {'was' if count == 1 else 'were'} {verb}."


def _verb(action: Change) -> str:
    if isinstance(action, Delete):
        return "deleted"
    return "moved" if isinstance(action, Move) else "changed"


def left_alone(left: tuple[LeftAlone, ...], table: Table) -> list[Reason]:
    """Return why rows were left alone that the preview was going to change."""
    emptied = [each.name for each in left if each.is_emptied]
    changed = [each.name for each in left if not (each.is_gone or each.is_emptied)]
    gone = [each.name for each in left if each.is_gone]
    texts = (
        (
            emptied,
            "was changed or created anew while it was deleted, or the deletion was undone, so it "
            "stays. Unless it was undone, what belonged to it before may be deleted; its history "
            "can bring that back:",
        ),
        (changed, "changed after the preview, so it was left alone:"),
        (gone, "was deleted after the preview, or a row filter hides it from you now:"),
    )
    many = (
        "were changed or created anew while they were deleted, or the deletion was undone, so "
        "they stay. Unless it was undone, what belonged to them before may be deleted; their "
        "history can bring that back:",
        "changed after the preview, so they were left alone:",
        "were deleted after the preview, or a row filter hides them from you now:",
    )
    return [
        _reason(names, f"{rows(len(names), table)} {one if len(names) == 1 else more}")
        for (names, one), more in zip(texts, many, strict=True)
        if names
    ]


def _reason(names: list[str], text: str) -> Reason:
    return Reason(text, names[:NAMED], max(0, len(names) - NAMED))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else f"{line[:_SHORT].rstrip()}…"
