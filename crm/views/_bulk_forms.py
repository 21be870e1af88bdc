"""The forms of a bulk change, and the change that each one requests."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from crm.forms.bulk import ChoiceForm, FieldForm, MoveForm, StatusForm
from crm.forms.records import UpdateForm
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, Column, Table
from crm.repository.bulk.actions import Move, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.delete_action import Delete
from crm.repository.records import account_names
from crm.request import Request

from . import _bulk_wording, _policies
from ._bulk_plan import Change, Chosen

Form = FieldForm | ChoiceForm | StatusForm | UpdateForm | MoveForm


@dataclass(frozen=True)
class ChangeCard:
    """One kind of change. ``do`` is the value of its button. A deletion has no form."""

    do: str
    heading: str
    form: Form | None = None


def cards(request: Request, chosen: Chosen, sent: Form | None) -> list[ChangeCard]:
    """Return the changes that this person can make; ``sent`` is the form that was sent, with what
    was typed in it."""
    table = chosen.table
    filters = chosen.listing.filters if not chosen.selection.keys else {}
    found = [
        ChangeCard("choice", f"Set the {column.label.lower()}", ChoiceForm(column))
        for column in _columns(request, table, "choice")
    ]
    if typed := _columns(request, table, "text", "links"):
        # People who filter by a field often want to replace exactly this value.
        usual = (*filters, "primary_it_partner")
        names = {column.name for column in typed}
        column = next((name for name in usual if name in names), typed[0].name)
        found.append(ChangeCard("field", "Set a field", FieldForm(typed, column=column)))
    if table is ACCOUNTS and not _policies.masks_statuses(request):
        platform = next(iter(filters.get("platform", ())), "")
        found.append(ChangeCard("status", "Set a status", StatusForm(platform=platform)))
    if table is ACCOUNTS and not _policies.masked(request, UPDATES):
        found.append(ChangeCard("update", "Write an update to each", _update_form(request)))
    if _can_move(request, table):
        found.append(ChangeCard("move", "Move to another account", MoveForm()))
    found.append(ChangeCard("delete", "Delete them"))
    # A record's own form leads to one of them.
    found = [each for each in found if each.do == chosen.only] or found
    if sent is None and (first := found[0].form):
        name = "account" if isinstance(first, MoveForm) else "value"
        first.fields[name].widget.attrs["autofocus"] = True
    return [ChangeCard(c.do, c.heading, sent) if _is_same(c.form, sent) else c for c in found]


def sent_form(request: Request, table: Table) -> Form | None:
    """Return the form that was sent; None for a deletion, which has no fields.

    Raises PermissionDenied for a form that the page does not offer.
    """
    do, data = request.POST.get("do", ""), request.POST
    if do == "delete":
        return None
    if do == "update" and table is ACCOUNTS and not _policies.masked(request, UPDATES):
        return UpdateForm(data, new=True)
    if do == "status" and table is ACCOUNTS and not _policies.masks_statuses(request):
        return StatusForm(data)
    if do == "move" and _can_move(request, table):
        return _move_form(request)
    columns = {column.name: column for column in _columns(request, table, "choice")}
    if do == "choice" and data.get("column") in columns:
        return ChoiceForm(columns[data["column"]], data)
    if do != "field":
        raise PermissionDenied
    return FieldForm(_columns(request, table, "text", "links"), data)


def action_of(form: Form | None, table: Table) -> Change:
    """Return the change that a valid form requests."""
    if form is None:
        return Delete(table)
    given = form.cleaned_data
    if isinstance(form, StatusForm):
        return SetStatus(given["platform"], given["status"], given["reason"])
    if isinstance(form, MoveForm):
        return Move(given["account"].bsnid, given["account"].name, table)
    if isinstance(form, UpdateForm):
        return WriteUpdate(form.values())
    return SetField(given["column"], given["value"], table, given.get("reason", ""))


def is_masked(request: Request, action: Change) -> bool:
    """Return whether a policy masks a column that the action writes."""
    if isinstance(action, SetField):
        return action.column in _policies.masked(request, action.of)
    if isinstance(action, Move):
        return action.of.owner in _policies.masked(request, action.of)
    if isinstance(action, Delete):
        return False
    if action.table is PLATFORMS_STATUS:
        return _policies.masks_statuses(request)
    return bool(_policies.masked(request, UPDATES))


def _can_move(request: Request, table: Table) -> bool:
    return bool(table.parent_key) and table.parent_key not in _policies.masked(request, table)


def _move_form(request: Request) -> MoveForm:
    """Return the form that was sent; a valid one has the account."""
    form = MoveForm(request.POST)
    if form.is_valid():
        typed = form.cleaned_data["account"]
        found = account_names.named(request.warehouse, typed)
        if len(found) == 1:
            form.cleaned_data["account"] = found[0]
        else:
            form.add_error("account", _bulk_wording.not_one_account([f.bsnid for f in found]))
    return form


def _columns(request: Request, table: Table, *kinds: str) -> list[Column]:
    masked = _policies.masked(request, table)
    return [c for c in table.bulk_columns if c.kind in kinds and c.name not in masked]


def _is_same(form: Form | None, sent: Form | None) -> bool:
    if isinstance(form, ChoiceForm) and isinstance(sent, ChoiceForm):
        return form.column is sent.column
    return sent is not None and type(form) is type(sent)


def _update_form(request: Request) -> UpdateForm:
    """Return the form of a new update, with this person as author and today as its date."""
    initial = {"author": request.person.name, "date": timezone.localdate()}
    form = UpdateForm(new=True, initial=initial)
    form.drop_autofocus()
    return form
