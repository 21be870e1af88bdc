"""What use cases and updates have in common: they belong to an account."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from crm.request import Request

from . import _editing, _respond
from ._editing import Editor, Kind
from .accounts import ACCOUNT


def create(
    request: Request, kind: Kind, bsnid: str, initial: dict[str, Any] | None = None
) -> HttpResponse:
    if request.method == "POST":
        return _save_new(request, kind, bsnid)
    account = _editing.found(ACCOUNT, request, bsnid)
    form = kind.form(new=True, initial=initial, masked=_editing.masked(request, kind))
    return _editor(request, kind, form, bsnid, account.name).show()


def _save_new(request: Request, kind: Kind, bsnid: str) -> HttpResponse:
    form = kind.form(request.POST, new=True, masked=_editing.masked(request, kind))
    editor = _editor(request, kind, form, bsnid, request.POST.get("team", ""))
    if not form.is_valid():
        return editor.invalid()
    key = str(form.cleaned_data[kind.table.key])
    return editor.save(
        lambda: kind.repository.create(request.warehouse, bsnid, key, form.values()),
        done=f"The {kind.table.singular} was added.",
        to=kind.page_of(bsnid, key),
    )


def _editor(
    request: Request, kind: Kind, form: _editing.RecordForm, bsnid: str, team: str
) -> Editor:
    return Editor(
        request,
        kind,
        form,
        heading=f"New {kind.table.singular}",
        back=reverse("account-detail", args=[bsnid]),
        submit=f"Add {kind.table.singular}",
        bsnid=bsnid,
        team=team,
    )


def delete(request: Request, kind: Kind, key: str) -> HttpResponse:
    """Only asking needs the record; where to go on is in the form that was shown."""
    if request.method == "POST":
        list_page = reverse(f"{kind.url_name}-list")
        return _editing.delete(request, kind, key, record=None, after=list_page)
    record = _editing.found(kind, request, key)
    account_page = reverse("account-detail", args=[record.account_bsnid])
    after = _respond.local_url(request, account_page)
    return _editing.delete(request, kind, key, record=record, after=after)
