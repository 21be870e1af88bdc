"""Creating and deleting use cases and updates, which belong to an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import HttpResponse
from django.urls import reverse

from crm.forms.records import RecordForm
from crm.page_urls import record_url
from crm.request import Request
from crm.warehouse import Warehouse

from . import _deleting, _editing, _respond
from ._editing import Editor, Kind
from .accounts import ACCOUNT


class ChildRepository(_editing.Repository, Protocol):
    """A repository whose ``create`` also takes the BSNID of the account."""

    def create(
        self, wh: Warehouse, bsnid: str, key: str, values: Mapping[str, Any], /
    ) -> bool: ...


@dataclass(frozen=True)
class ChildKind(Kind):
    repository: ChildRepository

    def save_new(self, wh: Warehouse, bsnid: str, form: RecordForm) -> bool:
        """Save a valid form, and return whether the person sees the record. Raises as the
        repository's ``create``."""
        key = str(form.cleaned_data[self.table.key])
        return self.repository.create(wh, bsnid, key, form.values())


def create(
    request: Request, kind: ChildKind, bsnid: str, initial: dict[str, Any] | None = None
) -> HttpResponse:
    if request.method == "POST":
        return _save_new(request, kind, bsnid)
    account = _editing.found(ACCOUNT, request, bsnid)
    form = kind.form(new=True, initial=initial, masked=_editing.masked(request, kind))
    return _editor(request, kind, form, bsnid, account.value("team") or bsnid).show()


def _save_new(request: Request, kind: ChildKind, bsnid: str) -> HttpResponse:
    form = kind.form(request.POST, new=True, masked=_editing.masked(request, kind))
    editor = _editor(request, kind, form, bsnid, request.POST.get("team", ""))
    if not form.is_valid():
        return editor.invalid()
    key = str(form.cleaned_data[kind.table.key])
    return editor.save(
        lambda: kind.save_new(request.warehouse, bsnid, form),
        done=f"The {kind.table.singular} was added.",
        to=kind.page_of(bsnid, key) if editor.back == _account_url(bsnid) else editor.back,
    )


def _editor(request: Request, kind: Kind, form: RecordForm, bsnid: str, team: str) -> Editor:
    return Editor(
        request,
        kind,
        form,
        heading=f"New {kind.table.singular}",
        back=_respond.local_url(request, _account_url(bsnid)),
        submit=f"Add {kind.table.singular}",
        bsnid=bsnid,
        team=team,
    )


def _account_url(bsnid: str) -> str:
    return reverse("account-detail", args=[bsnid])


def delete(request: Request, kind: Kind, key: str) -> HttpResponse:
    """GET reads the record and asks. POST deletes without reading; the form has the next page."""
    if request.method == "POST":
        return _deleting.delete(request, kind, key, after=reverse(f"{kind.url_name}-list"))
    record = _editing.found(kind, request, key)
    account_page = record_url("account-detail", record.value(kind.table.parent_key))
    after = _respond.local_url(request, account_page or reverse(f"{kind.url_name}-list"))
    return _deleting.ask_to_delete(request, kind, key, record, after=after)
