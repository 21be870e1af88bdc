"""The sentences of the pages of a bulk change; unit tests read them without a page."""

from __future__ import annotations

from dataclasses import dataclass

from crm.model.schema import ACCOUNTS
from crm.repository import summaries
from crm.repository.bulk.actions import Action, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.change import LeftAlone, Preview

from ._wording import counted

# How many accounts a page names of each kind.
NAMED = 20
_SHORT = 80

NOTHING_CHOSEN = "Select at least one account first."
EXPIRED = "This preview is too old, so nothing was changed. Preview the change again."


@dataclass(frozen=True)
class Reason:
    """Why some accounts are left alone: a sentence, the first names, how many more there are."""

    text: str
    names: list[str]
    more: int


def accounts(count: int) -> str:
    return counted(count, "account")


def title(action: Action) -> str:
    """Return what the action does, as a heading."""
    if isinstance(action, SetField):
        label = ACCOUNTS.column(action.column).label
        return f"Set {label} to “{_short(action.value)}”" if action.value else f"Empty {label}"
    if isinstance(action, SetStatus):
        return f"Set {action.platform} to {action.status}"
    return "Write an update"


def summary(action: Action, count: int) -> str:
    """Return what the operation did, in words that follow the person's name."""
    if isinstance(action, SetField):
        label = ACCOUNTS.column(action.column).label
        what = f"{label} to “{_short(action.value)}”" if action.value else f"emptied {label}"
    elif isinstance(action, SetStatus):
        what = f"{action.platform} to {action.status}"
    else:
        assert isinstance(action, WriteUpdate)
        what = f"an update “{_short(str(action.values.get('description') or ''))}”"
    return summaries.changed(accounts(count), what)


def too_many(most: int) -> str:
    return (
        f"These are more accounts than one change takes: at most {most:,}. Choose fewer with the "
        "filters of the list."
    )


def selected(count: int) -> str:
    """Say what the change is about; without a count, about all that match."""
    return f"{accounts(count)} that you selected" if count else "All accounts that match"


def will_change(preview: Preview, action: Action) -> str:
    count, left = len(preview.changes), len(reasons(preview))
    if not count:
        return "There is nothing to change." if left else "No account matches any more."
    does = "gets an update" if isinstance(action, WriteUpdate) else "changes"
    do = "get an update" if isinstance(action, WriteUpdate) else "change"
    return f"{accounts(count)} {does if count == 1 else do}."


def button(preview: Preview, action: Action) -> str:
    count = accounts(len(preview.changes))
    return f"Write to {count}" if isinstance(action, WriteUpdate) else f"Change {count}"


def reasons(preview: Preview) -> list[Reason]:
    """Return why accounts of the selection are left alone, one for each reason that applies."""
    same = [row.name for row in preview.same]
    hidden = [row.name for row in preview.hidden]
    found = (
        (same, "has this value already", "have this value already"),
        (
            hidden,
            "has a status for this platform that a row filter hides from you",
            "have a status for this platform that a row filter hides from you",
        ),
        (
            list(preview.missing),
            "was deleted, or a row filter hides it from you",
            "were deleted, or a row filter hides them from you",
        ),
    )
    return [
        _reason(names, f"{accounts(len(names))} {one if len(names) == 1 else many}:")
        for names, one, many in found
        if names
    ]


def changed(count: int, action: Action) -> str:
    """Say what was done."""
    if not count:
        return "No account was changed."
    if isinstance(action, WriteUpdate):
        return f"The update was written to {accounts(count)}."
    return f"{accounts(count)} {'was' if count == 1 else 'were'} changed."


def left_alone(left: tuple[LeftAlone, ...]) -> list[Reason]:
    """Return why accounts were left alone that the preview was going to change."""
    changed = [each.name for each in left if not each.is_gone]
    gone = [each.name for each in left if each.is_gone]
    texts = (
        (changed, "changed after the preview, so it was left alone:"),
        (gone, "was deleted after the preview, or a row filter hides it from you now:"),
    )
    many = (
        "changed after the preview, so they were left alone:",
        "were deleted after the preview, or a row filter hides them from you now:",
    )
    return [
        _reason(names, f"{accounts(len(names))} {one if len(names) == 1 else more}")
        for (names, one), more in zip(texts, many, strict=True)
        if names
    ]


def _reason(names: list[str], text: str) -> Reason:
    return Reason(text, names[:NAMED], max(0, len(names) - NAMED))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHORT else f"{line[:_SHORT].rstrip()}…"
