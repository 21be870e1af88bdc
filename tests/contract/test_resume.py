"""The words for an operation that is half done, and the form field that continues it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core import signing
from django.template.loader import render_to_string
from django.test import RequestFactory

from crm.repository.errors import HalfDone
from crm.repository.steps import NOTHING, Earlier
from crm.views import _failures, _resume
from crm.warehouse.errors import Dropped, PermissionDenied, PoolExhausted, WarehouseError

from ..pages.html import texts


def half_done(cause: WarehouseError) -> HalfDone:
    error = HalfDone("id-1", ["A", "B"], ["C"], cause, finished=2, changed=5)
    error.notes["before"] = {"accounts": 3}
    return error


def request(data: dict[str, str], path: str = "/x/", actor: str = "ana@example.com") -> Any:
    made: Any = RequestFactory().post(path, data)
    made.warehouse = SimpleNamespace(actor=actor)
    return made


def test_the_button_sends_the_form_and_what_was_done() -> None:
    first = request({"next": "/y/", "csrfmiddlewaretoken": "t"})
    assert _resume.earlier(first) == NOTHING
    sent = dict(_resume.fields(first, half_done(Dropped())))
    assert sent.keys() == {"next", _resume.FIELD}
    second = request(sent)
    assert _resume.earlier(second) == Earlier("id-1", 2, 5, {"before": {"accounts": 3}})
    # The numbers of changed rows of all attempts are added.
    third = request(dict(_resume.fields(second, half_done(Dropped()))))
    assert _resume.earlier(third).changed == 10
    # The field is signed, and valid for this person and this page only.
    assert _resume.earlier(request(sent, actor="bob@example.com")) == NOTHING
    assert _resume.earlier(request(sent, path="/z/")) == NOTHING
    assert _resume.earlier(request({_resume.FIELD: f"x{sent[_resume.FIELD]}"})) == NOTHING
    # Another version of the app signed other facts.
    facts = signing.loads(sent[_resume.FIELD], salt=_resume._SALT)
    lacking = {name: value for name, value in facts.items() if name != "who"}
    for other in (lacking, {**facts, "steps": 2}, [facts]):
        field = signing.dumps(other, salt=_resume._SALT)
        assert _resume.earlier(request({_resume.FIELD: field})) == NOTHING


@pytest.mark.parametrize(
    ("cause", "status", "advice"),
    [
        (Dropped(), 503, "The next step failed: the connection to the warehouse broke."),
        (PoolExhausted(), 503, "The next step failed: EDIP CRM is busy."),
        (
            PermissionDenied(),
            403,
            "The next step failed: you do not have permission. The warehouse refused access to a "
            "table. Ask the owner of the data for SELECT and MODIFY on the tables of EDIP CRM.",
        ),
    ],
)
def test_the_reason(cause: WarehouseError, status: int, advice: str) -> None:
    failure = _failures.failure_of(half_done(cause))
    assert (failure.status, failure.title) == (status, "Only part of this was done")
    assert failure.advice == advice


def test_each_step_that_may_have_run_is_named() -> None:
    """Of two steps that ran at the same time, the first was refused, and the answer to the other
    was lost."""
    denied = PermissionDenied()
    error = HalfDone("id-1", ["A"], ["B", "C"], denied, finished=1, changed=0, unsure=["C"])
    failure = _failures.failure_of(error)
    page = render_to_string("errors/_half_done.html", {"failure": failure})
    assert texts(BeautifulSoup(page, "html.parser"), "li") == [
        "A",
        "B",
        "C (this may have been done: its answer did not arrive)",
    ]
