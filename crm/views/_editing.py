"""Creating and changing records of any kind.

A form that could not be saved is shown again with everything that was typed. Its status says why:
422 for invalid values, 409 for a field that somebody else changed and for a deleted record, 503 if
the warehouse does not answer.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse

from crm.forms.fields import parse_moment
from crm.forms.records import Merged, RecordForm
from crm.model.records import Record
from crm.model.schema import ACCOUNTS, Column, Table
from crm.page_urls import record_url
from crm.repository.errors import AlreadyExists, HalfDone, Missing, ReasonNotKept, Stale
from crm.repository.steps import Earlier
from crm.request import Request
from crm.warehouse import Warehouse
from crm.warehouse.errors import SignInAgain, WarehouseError, WriteConflict

from . import _child_pages, _respond, _wording
from ._failures import failure_of

# How often a save is repeated when others save the record first; after that the person decides.
MERGES = 5


class Repository(Protocol):
    """The functions that editing needs in a module of crm/repository/records."""

    def get(self, wh: Warehouse, key: str, /) -> Record | None: ...

    def update(
        self, wh: Warehouse, key: str, values: Mapping[str, Any], seen: dt.datetime | None, /
    ) -> bool: ...

    def delete(self, wh: Warehouse, key: str, earlier: Earlier, /) -> None: ...


@dataclass(frozen=True)
class Kind:
    """A kind of record: its table, form, repository and the prefix of its URL names."""

    table: Table
    form: type[RecordForm]
    repository: Repository
    url_name: str

    def url(self, action: str, key: str) -> str:
        return reverse(f"{self.url_name}-{action}", args=[key])

    def create_url(self, bsnid: str) -> str:
        return reverse(f"{self.url_name}-create", args=[bsnid] if self.table.parent_key else [])

    def save_change(self, wh: Warehouse, key: str, form: RecordForm) -> bool:
        """Save a valid form. Returns and raises what the repository's ``update`` does."""
        return self.repository.update(wh, key, form.values(), form.cleaned_data["updated_at"])

    def page_of(self, bsnid: str, key: str) -> str:
        """Return the URL of the account's page, with the record as its fragment.

        If no URL can contain the account's key, return the URL of the list of such records.
        """
        page = record_url("account-detail", bsnid)
        if not page:
            return reverse(f"{self.url_name}-list")
        if not self.table.parent_key:
            return page
        return f"{page}?{_child_pages.query(self.table, key)}#{self.url_name}-{key}"


@dataclass
class Editor:
    """One form on its page. Cancelling and saving lead to ``back``.

    ``key`` is the record's key, empty for a new record. ``is_unchanged``: the record had all that
    the form says.
    """

    request: Request
    kind: Kind
    form: RecordForm
    heading: str
    back: str
    submit: str
    key: str = ""
    bsnid: str = ""
    team: str = ""
    action: str = ""
    is_unchanged: bool = False

    @property
    def delete_url(self) -> str:
        return self.kind.url("delete", self.key) if self.key else ""

    @property
    def in_drawer(self) -> bool:
        return _respond.in_drawer(self.request)

    @property
    def again_url(self) -> str:
        """Return the URL of the form, without the person's input."""
        return f"{self.request.path}?{urlencode({'next': self.back})}"

    def show(self, status: int = 200, **more: Any) -> HttpResponse:
        context = {"editor": self, "form": self.form, "kind": self.kind, **more}
        opens_drawer = self.request.htmx.target == "dialog"
        part = "records/_drawer.html" if opens_drawer else "records/_form.html"
        return _respond.show(self.request, "records/form.html", part, context, status)

    def invalid(self) -> HttpResponse:
        return self.show(422)

    def save(
        self, write: Callable[[], bool | None], done: str, to: str, note: str = ""
    ) -> HttpResponse:
        """Call ``write`` and redirect to ``to``. If it fails, show the form again with the reason.

        ``write`` returns False if the person does not see the new record. Raises Stale.
        """
        try:
            is_seen = write()
        except AlreadyExists as error:
            table = self.kind.table
            field = None if table.parent_key else table.key
            self.form.add_error(field, _wording.exists_already(table, error.similar))
            return self.invalid()
        except Missing:
            return self.gone()
        except ReasonNotKept as error:
            is_seen = error.is_seen
            reason = self.form.cleaned_data["reason"]
            messages.warning(self.request, _wording.reason_not_kept(reason))
            if not self.form.values():
                return _respond.go(self.request, to)  # the reason was the only change
        except HalfDone:
            raise  # the error page shows the finished steps and a button that continues
        except WarehouseError as error:
            if isinstance(error, WriteConflict) and self._was_deleted():
                return self.gone()
            return self.failed(error, to)
        if is_seen is False:
            what = f"The new {self.kind.table.singular}"
            messages.warning(self.request, _wording.unseen(what))
            return _respond.go(self.request, self.back)
        if self.is_unchanged:
            nothing = _wording.nothing_changed(f"the {self.kind.table.singular} says all this")
            messages.info(self.request, f"{nothing} {note}".strip())
        else:
            messages.success(self.request, f"{done} {note}".strip())
        return _respond.go(self.request, to)

    def _was_deleted(self) -> bool:
        """Return whether the record was deleted; False if that cannot be found out."""
        try:
            wh, repository = self.request.warehouse, self.kind.repository
            return bool(self.key) and repository.get(wh, self.key) is None
        except WarehouseError:
            return False

    def conflict(self, current: Record, merged: Merged) -> HttpResponse:
        """Show both values of each field that both people changed, and ask which one to keep."""
        self.form = merged.form
        self.submit = "Save"
        conflicts = {each.column.name: each for each in merged.conflicts}
        me = self.request.warehouse.actor
        return self.show(
            409,
            current=current,
            conflicts=conflicts,
            heading=_wording.conflict_heading(self.kind.table, len(conflicts)),
            advice=_wording.conflict_advice(len(conflicts), bool(merged.kept)),
            keep_theirs=_wording.keep_theirs(current.value("updated_by"), me),
        )

    def gone(self) -> HttpResponse:
        """Show the form again, with the message that the record or its account was deleted."""
        has_page = record_url("account-detail", self.bsnid)
        if self.key and (has_page or not self.kind.table.parent_key):
            self.action = self.kind.create_url(self.bsnid)
            self.submit = f"Create a new {self.kind.table.singular}"
        new_key = uuid.uuid4() if self.kind.table.parent_key else self.key
        looked_for = self.kind.table if self.key else ACCOUNTS
        hidden = self.request.person.is_filtered(looked_for)
        return self.show(409, gone=True, new_key=new_key, may_be_hidden=hidden)

    def failed(self, error: WarehouseError, to: str = "") -> HttpResponse:
        failure = failure_of(error)
        response = self.show(failure.status, failure=failure, look_url=to)
        if failure.retry_after:
            response["Retry-After"] = str(failure.retry_after)
        if _respond.wants_part(self.request):
            # htmx swaps the form in whatever the status is: see app.js.
            response["HX-Reswap"] = "outerHTML"
        return response


def change(request: Request, kind: Kind, key: str) -> HttpResponse:
    """Show the form of a record (one read) or save it (one write)."""
    if request.method == "POST":
        return _save_change(request, kind, key)
    record = found(kind, request, key)
    form = kind.form(record=record, masked=masked(request, kind))
    form.focus_on(request.GET.get("field", ""))
    return _editor(request, kind, key, form, record).show()


def _save_change(request: Request, kind: Kind, key: str) -> HttpResponse:
    hidden = masked(request, kind)
    form = kind.form(request.POST, masked=hidden)
    editor = _editor(request, kind, key, form)
    if not form.needs_record:
        return _save(editor)
    try:
        record = kind.repository.get(request.warehouse, key)
    except WarehouseError as error:
        return editor.failed(error)
    if record is None:
        return editor.gone()
    editor.form = kind.form(request.POST, record=record, masked=hidden)
    is_current = parse_moment(request.POST.get("updated_at", "")) == record.value("updated_at")
    return _save(editor, None if is_current else record)


def _save(editor: Editor, current: Record | None = None) -> HttpResponse:
    """Save the fields that the person changed.

    ``current`` is the record if it changed after the form was shown. Both edits are then merged,
    unless both changed the same field.
    """
    kept, note = dict[Column, None](), ""
    for _ in range(MERGES):
        if current is not None:
            merged = editor.form.merge(current)
            if merged.conflicts:
                break
            editor.form = merged.form
            kept |= dict.fromkeys(merged.kept)
            note = _wording.kept([column.label for column in kept], current.value("updated_by"))
        if not editor.form.is_valid():
            return editor.invalid()
        done = f"The {editor.kind.table.singular} was saved."
        try:
            return editor.save(lambda: _update(editor), done=done, to=editor.back, note=note)
        except Stale as stale:
            current = stale.current
    assert current is not None  # the loop ends only after a conflict or a stale save
    return editor.conflict(current, editor.form.merge(current))


def _update(editor: Editor) -> None:
    wh = editor.request.warehouse
    editor.is_unchanged = not editor.kind.save_change(wh, editor.key, editor.form)


def _editor(
    request: Request, kind: Kind, key: str, form: RecordForm, record: Record | None = None
) -> Editor:
    """Return the editor. The account's key and team come from the record, else from the form."""
    parent = kind.table.parent_key
    bsnid = key if not parent else getattr(record, parent, request.POST.get(parent, ""))
    team = getattr(record, "team", None) or request.POST.get("team", "")
    return Editor(
        request,
        kind,
        form,
        heading=f"Edit {kind.table.singular}",
        back=_respond.local_url(request, kind.page_of(bsnid, key)),
        submit="Save changes",
        key=key,
        bsnid=bsnid,
        team=team,
    )


def masked(request: Request, kind: Kind) -> frozenset[str]:
    """Return the columns that a policy masks for this person; the form does not save them."""
    try:
        return request.person.masked(kind.table)
    except SignInAgain:
        # Saving will report the failure, and the form keeps the person's input.
        return frozenset()


def found(kind: Kind, request: Request, key: str) -> Record:
    record = kind.repository.get(request.warehouse, key)
    if record is None:
        raise Http404(_wording.not_found(kind.table, key))
    return record
