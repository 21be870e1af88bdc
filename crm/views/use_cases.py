"""The list of all use cases, and creating, changing and deleting one."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from crm.access import for_writers
from crm.forms.records import RecordForm, UseCaseForm
from crm.model.schema import USE_CASES
from crm.repository.records import use_cases
from crm.request import Request
from crm.warehouse import Warehouse

from . import _children, _editing, _listing, _respond
from ._children import ChildKind
from ._dates import OF_USE_CASES
from ._subject import Subject


class UseCaseKind(ChildKind):
    """Saves the reason of the status, too."""

    def save_new(self, wh: Warehouse, bsnid: str, form: RecordForm) -> bool:
        key = str(form.cleaned_data[self.table.key])
        return use_cases.create(wh, bsnid, key, form.values(), _reason(form))

    def save_change(self, wh: Warehouse, key: str, form: RecordForm) -> None:
        seen = form.cleaned_data["updated_at"]
        removes = isinstance(form, UseCaseForm) and form.removes_reason
        values, reason = form.values(), _reason(form)
        use_cases.update(wh, key, values, seen, reason, removes_reason=removes)


def _reason(form: RecordForm) -> str:
    return form.reason if isinstance(form, UseCaseForm) else ""


USE_CASE = UseCaseKind(USE_CASES, UseCaseForm, use_cases, "use-case", "problem")
LIST = Subject(
    USE_CASES,
    use_cases,
    "use_cases",
    default_sort="-updated_at",
    dates=OF_USE_CASES,
    rare=("reason",),
)


@require_safe
def use_case_list(request: Request) -> HttpResponseBase:
    return _listing.show(request, LIST)


@require_safe
def use_case_facet(request: Request, name: str) -> HttpResponse:
    return _listing.show_facet(request, LIST, name)


@for_writers
@_respond.form_page
def use_case_create(request: Request, bsnid: str) -> HttpResponse:
    return _children.create(request, USE_CASE, bsnid)


@for_writers
@_respond.form_page
def use_case_edit(request: Request, id: str) -> HttpResponse:
    return _editing.change(request, USE_CASE, id)


@for_writers
@_respond.form_page
def use_case_delete(request: Request, id: str) -> HttpResponse:
    return _children.delete(request, USE_CASE, id)
