"""What creating, changing and deleting have in common, whatever the record.

A form that could not be saved comes back with everything that was typed in it: not valid
(422), the same field changed by somebody else meanwhile, or all of it deleted (409), warehouse
not answering (503).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.text import get_text_list

from crm.forms.fields import parse_moment
from crm.forms.merge import Merged, merge
from crm.forms.records import RecordForm
from crm.model.schema import Table
from crm.repository.errors import AlreadyExists, Missing, Stale
from crm.request import Request
from crm.warehouse.errors import SignInAgain, WarehouseError

from . import _respond, errors

# How often others may come first before the person is asked to look.
MERGES = 5


@dataclass(frozen=True)
class Kind:
    """A kind of record: its table, form, repository and the stem of its URL names.

    ``gist`` is the column that tells people which record is meant.
    """

    table: Table
    form: type[RecordForm]
    repository: ModuleType
    url_name: str
    gist: str

    def url(self, action: str, key: str) -> str:
        return reverse(f"{self.url_name}-{action}", args=[key])

    def create_url(self, bsnid: str) -> str:
        return reverse(f"{self.url_name}-create", args=[bsnid] if self.table.parent_key else [])

    def page_of(self, bsnid: str, key: str) -> str:
        """The page that shows the record: its account's, at the record's own place."""
        if not bsnid:
            return reverse(f"{self.url_name}-list")
        page = reverse("account-detail", args=[bsnid])
        return f"{page}#{self.url_name}-{key}" if self.table.parent_key else page


@dataclass
class Editor:
    """One form on its page. ``back`` is where cancelling leads, and saving.

    ``key`` is the record's, empty for a new one.
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

    @property
    def delete_url(self) -> str:
        return self.kind.url("delete", self.key) if self.key else ""

    def show(self, status: int = 200, **more: Any) -> HttpResponse:
        context = {"editor": self, "form": self.form, "kind": self.kind, **more}
        return _respond.show(
            self.request, "records/form.html", "records/_form.html", context, status
        )

    def invalid(self) -> HttpResponse:
        return self.show(422)

    def save(self, write: Callable[[], None], done: str, to: str) -> HttpResponse:
        """Writes and sends the browser on; or shows the form again, and says why.

        Raises Stale.
        """
        try:
            write()
        except AlreadyExists:
            self.form.add_error(self.kind.table.key, "This is taken: such an account exists.")
            return self.invalid()
        except Missing:
            return self.gone()
        except WarehouseError as error:
            return self.failed(error)
        messages.success(self.request, done)
        return _respond.go(self.request, to)

    def conflict(self, current: Any, merged: Merged) -> HttpResponse:
        """Both changed the same fields: theirs and mine side by side."""
        self.form = merged.form
        self.submit = "Save"
        asked = {each.column.name: each for each in merged.asked}
        return self.show(409, current=current, asked=asked, kept=merged.kept)

    def gone(self) -> HttpResponse:
        """The record, or a new one's account, is not there any more."""
        if self.key and (self.bsnid or not self.kind.table.parent_key):
            self.action = self.kind.create_url(self.bsnid)
            self.submit = "Create it anew"
        new_key = uuid.uuid4() if self.kind.table.parent_key else self.key
        return self.show(409, gone=True, new_key=new_key)

    def failed(self, error: WarehouseError) -> HttpResponse:
        failure = errors.failure_of(error)
        response = self.show(failure.status, failure=failure)
        if failure.retry_after:
            response["Retry-After"] = str(failure.retry_after)
        if _respond.wants_part(self.request):
            # The form itself is the answer, whatever the status: see app.js.
            response["HX-Reswap"] = "outerHTML"
        return response


def change(request: Request, kind: Kind, key: str) -> HttpResponse:
    """The page that edits a record: one read to show it, one write to save it."""
    if request.method == "POST":
        return _save_change(request, kind, key)
    record = found(kind, request, key)
    form = kind.form(record=record, masked=masked(request, kind))
    return _editor(request, kind, key, form, record).show()


def _save_change(request: Request, kind: Kind, key: str) -> HttpResponse:
    hidden = masked(request, kind)
    form = kind.form(request.POST, masked=hidden)
    editor = _editor(request, kind, key, form)
    current = None
    if form.says_unknown_words:
        try:
            record = kind.repository.get(request.warehouse, key)
        except WarehouseError as error:
            return editor.failed(error)
        if record is None:
            return editor.gone()
        editor.form = kind.form(request.POST, record=record, masked=hidden)
        if parse_moment(request.POST.get("updated_at", "")) != record.updated_at:
            current = record
    return _save(editor, current)


def _save(editor: Editor, current: Any) -> HttpResponse:
    """Saves what was changed. Where the record is another than the form was made for
    (``current``), both edits are put together, as long as nothing has to be asked."""
    kept: dict[str, None] = {}
    kind = editor.kind
    for _ in range(MERGES):
        if current is not None:
            merged = merge(editor.form, current)
            if merged.asked:
                break
            editor.form = merged.form
            kept |= dict.fromkeys(column.label for column in merged.kept)
        if not editor.form.is_valid():
            return editor.invalid()
        try:
            return editor.save(
                lambda: kind.repository.update(
                    editor.request.warehouse,
                    editor.key,
                    editor.form.values(),
                    editor.form.cleaned_data["updated_at"],
                ),
                done=_saved(kind, list(kept), current),
                to=editor.back,
            )
        except Stale as stale:
            current = stale.current
    return editor.conflict(current, merge(editor.form, current))


def _saved(kind: Kind, kept: list[str], current: Any) -> str:
    done = f"The {kind.table.singular} was saved."
    if not kept:
        return done
    who = current.updated_by or "Somebody else"
    return f"{done} {who} changed {get_text_list(kept, 'and')} meanwhile; that was kept."


def _editor(
    request: Request, kind: Kind, key: str, form: RecordForm, record: Any = None
) -> Editor:
    """The account is known from the record, or from what the form said of it."""
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


def delete(
    request: Request, kind: Kind, key: str, *, record: Any, after: str, **context: Any
) -> HttpResponse:
    """Asks first (``record`` says what about), then deletes and goes to ``after``."""
    if request.method == "POST":
        kind.repository.delete(request.warehouse, key)
        undo = reverse("revert-deletion", args=[kind.table.name, key])
        messages.success(request, f"The {kind.table.singular} was deleted.", extra_tags=undo)
        return _respond.go(request, _respond.local_url(request, after))
    context |= {"kind": kind, "record": record, "key": key, "after": after}
    context |= {"delete_url": kind.url("delete", key), "gist": getattr(record, kind.gist)}
    return _respond.show(request, "records/delete.html", "records/_delete-dialog.html", context)


def masked(request: Request, kind: Kind) -> frozenset[str]:
    """The columns that this person can only read."""
    try:
        return request.person.masked(kind.table)
    except SignInAgain:
        # Saving will say so, and show what was typed.
        return frozenset()


def found(kind: Kind, request: Request, key: str) -> Any:
    record = kind.repository.get(request.warehouse, key)
    if record is None:
        raise Http404(f"There is no {kind.table.singular} “{key}”. It may have been deleted.")
    return record
