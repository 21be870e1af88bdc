"""The function that renders a group of a history's changes: see crm/fragments.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from django.utils.safestring import SafeString

from crm.fragments import filled, moment
from crm.icons import icon
from crm.model.changes import Change, Undo
from crm.page_urls import page_url
from crm.row_fragments import Moment, moment_head

Items = Callable[[Sequence[Change]], SafeString]

_GROUP = '<article class="moment" aria-label="{}">{}{}{}{}</article>\n'
_UNDONE = '<p class="moment-undone">{}<span><span dir="auto">{}</span> {} {}</span></p>'
_ACTIONS = '<div class="change-actions">{}{}</div>'
_SHOW = '<a class="button" href="{}?operation={}">Show {}</a>'
_UNDO = (
    '<form method="post" action="{}">'
    '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
    '<button class="button">{}{}</button></form>'
)
_CHANGES = '<ul class="moment-changes">{}</ul>{}'
_MORE = (
    '<details class="moment-more"><summary>and {} more</summary>'
    '<ul class="moment-changes">{}</ul></details>'
)


class Group(Moment, Protocol):
    """A group with its changes (crm/views/_history_groups.py)."""

    @property
    def changes(self) -> Sequence[Change]: ...

    @property
    def first(self) -> Sequence[Change]: ...

    @property
    def others(self) -> Sequence[Change]: ...

    @property
    def operation(self) -> str: ...

    @property
    def undo(self) -> str: ...

    @property
    def undo_label(self) -> str: ...

    @property
    def undone(self) -> Undo | None: ...


def group_of_changes(
    group: Group, bsnid: str, is_one_entry: bool, token: str, items: Items
) -> SafeString:
    """Return a group of changes.

    :param bsnid: the account that the page is about, if it is about one.
    :param is_one_entry: show the group as one entry, without its changes.
    :param token: the CSRF token of forms; ``items`` renders changes.
    """
    return filled(
        _GROUP,
        "Outside EDIP CRM" if group.outside else group.person,
        moment_head(group, bsnid, is_one_entry),
        _undone(group.undone) if group.undone else "",
        _actions(group, is_one_entry, token),
        "" if is_one_entry else _changes(group, items),
    )


def _undone(undone: Undo) -> SafeString:
    at = SafeString(moment(undone.moment))
    return filled(_UNDONE, icon("arrow-uturn-left", 16), undone.person, undone.summary, at)


def _actions(group: Group, is_one_entry: bool, token: str) -> str:
    show = undo = ""
    if is_one_entry:
        count = _counted(group.changes[0].changes)
        show = filled(_SHOW, page_url("activity"), group.operation, count)
    if group.undo:
        sign = icon("arrow-uturn-left", 16)
        undo = filled(_UNDO, group.undo, token, sign, group.undo_label)
    return filled(_ACTIONS, show, undo) if show or undo else ""


def _counted(count: int | None) -> str:
    if count is None:
        return "its changes"
    return "the change" if count == 1 else f"the {count} changes"


def _changes(group: Group, items: Items) -> SafeString:
    others = group.others
    more = filled(_MORE, len(others), items(others)) if others else ""
    return filled(_CHANGES, items(group.first), more)
