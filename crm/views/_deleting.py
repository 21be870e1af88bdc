"""Deleting records of any kind: ask, delete, and say what was deleted."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from crm.model.records import Record
from crm.model.schema import CHILDREN, Table
from crm.repository.errors import ChangedMeanwhile, HiddenChildren, Missing
from crm.repository.past import revert_record
from crm.request import Request
from crm.warehouse.errors import WarehouseError

from . import _policies, _respond, _resume, _wording
from ._editing import Kind

log = logging.getLogger(__name__)


def ask_to_delete(
    request: Request, kind: Kind, key: str, record: Record, *, after: str, **context: Any
) -> HttpResponse:
    context |= {"kind": kind, "record": record, "key": key, "after": after}
    context |= {"delete_url": kind.url("delete", key), "gist": record.value(kind.table.gist)}
    return _respond.show(request, "records/delete.html", "records/_delete-dialog.html", context)


def delete(request: Request, kind: Kind, key: str, *, after: str) -> HttpResponse:
    """Delete without reading first, and go to ``next`` of the form, or to ``after``."""
    wh, table = request.warehouse, kind.table
    try:
        kind.repository.delete(wh, key, _resume.earlier(request))
    except ChangedMeanwhile:
        messages.info(request, _wording.changed_meanwhile(table))
        return _respond.go(request, kind.url("delete", key))
    except HiddenChildren as error:
        messages.warning(request, _wording.hidden_children(error.hidden))
        return _respond.go(request, kind.page_of(key, key))
    except Missing:
        # After a double click, the second request finds the record deleted by the first.
        if not _was_deleted_by_them(request, table, key):
            messages.info(request, _wording.nothing_to_delete(table, key))
            return _respond.go(request, _respond.local_url(request, after))
    _say_deleted(request, kind, key)
    return _respond.go(request, _respond.local_url(request, after))


def _was_deleted_by_them(request: Request, table: Table, key: str) -> bool:
    wh = request.warehouse
    try:
        return revert_record.was_deleted_by(wh, table, key, wh.actor)
    except WarehouseError as error:
        log.warning("who deleted a row of %s is not known: %s", table.name, error)
        return False


def _say_deleted(request: Request, kind: Kind, key: str) -> None:
    """Offer Undo, except where row filters or masks keep the app from reading the past."""
    tables = (kind.table, *(() if kind.table.parent_key else CHILDREN))
    is_undoable = _policies.is_undoable(request, tables)
    undo = reverse("revert-deletion", args=[kind.table.name, key]) if is_undoable else ""
    may_have_left = [t for t in _policies.filtered(request, tables) if t is not kind.table]
    text = _wording.deleted(kind.table, may_have_left, is_undoable=is_undoable)
    messages.success(request, text, extra_tags=undo)
