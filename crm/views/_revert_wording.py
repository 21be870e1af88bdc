"""The sentences of the pages that revert changes; unit tests read them without a page."""

from __future__ import annotations

from typing import Any

from django.utils.text import get_text_list

from crm.model.changes import Change
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, Table
from crm.repository.past.revert_bulk import LeftAlone

from ._wording import counted

LINK_EXPIRED = (
    "This undo link is no longer valid. You can still revert each change in the history."
)
NOT_YOURS = (
    "Only the person who made these changes can undo them all at once. You can revert each "
    "change in the history."
)


def name(change: Change) -> str:
    return change.name or f"The {change.table.singular}"


def reverted(change: Change, labels: list[str]) -> str:
    """The message after fields were reverted, or had these values already."""
    if not labels:
        return f"Nothing had to be reverted: {name(change)} already has these values."
    verb = "was" if len(labels) == 1 else "were"
    return f"{get_text_list(labels, 'and')} of {name(change)} {verb} reverted."


def bulk_reverted(count: int, name: str = "") -> str:
    """Say how many records were reverted; used if none was left alone.

    ``count`` is 0 if an earlier try reverted them and its answer was lost. ``name`` is
    that of the operation that was undone, such as ``the rename of …``.
    """
    if not count:
        return "Nothing is left to undo: these records are as they were before."
    undone = f"{name[:1].upper()}{name[1:]} was undone. " if name else ""
    return f"{undone}{_as_before(count)}"


def undone(noun: str, verb: str = "changed") -> str:
    """Say why an operation that was undone does not go on: a ``rename``, for example."""
    return f"This {noun} was undone, or its undo has begun, so nothing was {verb} now."


def _as_before(count: int) -> str:
    are = "is as it was" if count == 1 else "are as they were"
    return f"{counted(count, 'record')} {are} before."


def left_alone(count: int, left: list[LeftAlone], total: int, name: str = "") -> dict[str, Any]:
    """Return the texts of the page that lists what an undo of ``name`` left alone."""
    more = total - len(left)
    records = f"{counted(total, 'record')}{f' of {name}' if name else ''}"
    return {
        "text": _as_before(count) if count else "Nothing is left to undo.",
        "summary": f"{records} {'was' if total == 1 else 'were'} left alone:",
        "left": [(each.record, _why_left(each)) for each in left],
        "more": f"and {counted(more, 'more record')}" if more else "",
    }


def _why_left(each: LeftAlone) -> str:
    if each.is_deleted:
        is_child = each.record.table is not ACCOUNTS
        deleted = "was deleted afterwards"
        return f"{deleted}, or its account was" if is_child else deleted
    return "has new records that would be lost" if each.has_children else "was changed since"


def already_exists(change: Change, is_back: bool) -> str:
    """Say why a deleted record was not restored: it exists again, or another has its key."""
    if is_back:
        return f"{name(change)} already exists again."
    return f"Another {change.table.singular} now has the key of {name(change)}."


def of_deletion(
    change: Change, children: list[tuple[Table, int]], is_back: bool, is_another: bool
) -> dict[str, Any]:
    """Return the texts that ask whether to bring a deleted record back.

    ``children`` counts, by table, the records that were deleted with it and are still gone.
    """
    noun, texts = change.table.singular, [counted(n, t.singular, t.plural) for t, n in children]
    if is_another:
        text = (
            f"After this deletion another {noun} was created with the same key. The deleted one "
            "cannot come back while the other exists."
        )
        texts = []
    elif is_back and not texts:
        text = f"This {noun} already exists again."
    elif is_back:
        text = f"This {noun} exists again, but without these records that were deleted with it:"
    elif texts:
        text = f"This {noun} comes back as it was, with the records that were deleted with it:"
    else:
        text = f"This {noun} comes back as it was when it was deleted."
    return {"heading": f"Bring back this {noun}?", "text": text, "children": texts}


def of_change(
    change: Change, *, exists: bool, fields: dict[str, bool], again: list[str], others: list[str]
) -> dict[str, Any]:
    """Return the texts that ask whether to revert ``fields``.

    ``fields`` maps each field's label to whether its value would change; ``again`` are the fields
    that changed again later; ``others`` are further fields whose values differ from then.
    """
    noun = change.table.singular
    texts = {"heading": "Revert this change?", "again": "", "others": ""}
    if not exists:
        return texts | {
            "text": f"This {noun} was deleted after this change. Bring it back first: its "
            "history has an entry for the deletion."
        }
    if others:
        verb = "has another value" if len(others) == 1 else "have other values"
        also = "also " if any(fields.values()) else ""
        labels = get_text_list(others, "and")
        texts["others"] = f"{labels} {also}{verb} than before this change."
    if not any(fields.values()):
        value = f"value of {next(iter(fields))}" if len(fields) == 1 else "values"
        return texts | {
            "text": f"There is nothing to revert: the {value} from before this change "
            f"{'is' if len(fields) == 1 else 'are'} already in place."
        }
    if again:
        texts["again"] = f"Changed again after this change: {', '.join(again)}."
    is_status = change.table is PLATFORMS_STATUS
    subject = f"the status for {change.name}" if is_status else change.subject
    return texts | {"text": f"{subject[:1].upper()}{subject[1:]}, now and before the change of"}
