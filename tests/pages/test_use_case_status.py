"""A use case's status, set in place in the list of use cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from crm.repository.records import use_cases
from crm.views import _editing
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements
from .html import HTMX, filled_in, parsed, text

See = Callable[..., BeautifulSoup]
DIALOG = {**HTMX, "HTTP_HX_TARGET": "dialog"}


@pytest.fixture
def case(make_account: Callable[..., str], make_use_case: Callable[..., str]) -> str:
    make_account(team="Claims")
    return make_use_case(problem="Too slow", status="Active", leader="Lee")


def status_of(wh: Warehouse, id: str) -> tuple[str | None, str | None]:
    found = use_cases.get(wh, id)
    assert found
    return found.status, found.reason


def test_it_is_set_in_a_dialog_with_its_reason(
    client: Client, get_page: See, case: str, warehouse: Warehouse, statements: Statements
) -> None:
    [link] = get_page("/use-cases/").select("td a.set-status")
    assert link.get_text() == "Too slow: Active"
    dialog = get_page(link["href"], **DIALOG)
    assert text(dialog, "dialog h2") == "Too slow Claims"
    form = dialog.select_one("dialog form")
    sent = filled_in(form) | {"status": "On Hold", "reason": "No budget"}
    with statements() as done:
        answer = parsed(client.post(form["action"], sent, **DIALOG))
    assert [each.split()[0] for each in done] == ["MERGE", "UPDATE"]
    assert status_of(warehouse, case) == ("On Hold", "No budget")
    # The dialog is empty then, and the link that opened it gets the new status.
    assert not answer.select("dialog, form")
    badge = answer.select_one(".badge[hx-swap-oob]")
    assert badge["hx-swap-oob"].startswith(f'outerHTML:a[href^="{link["href"]}"] .badge')
    assert badge.get_text() == "On Hold"
    # Somebody else was first: the dialog says so, keeps what was chosen, and asks again.
    other = client.post(form["action"], sent | {"status": "Cancelled"}, **DIALOG)
    assert other.status_code == 409
    asked = parsed(other)
    assert "set the status to On Hold in the meantime" in text(asked, "[role=alert]:not([hidden])")
    again = filled_in(asked.select_one("form"))
    assert (again["status"], again["reason"]) == ("Cancelled", "No budget")
    assert client.post(form["action"], again, **DIALOG).status_code == 200
    assert status_of(warehouse, case) == ("Cancelled", "No budget")
    same = filled_in(get_page(link["href"], **DIALOG).select_one("dialog form"))
    same = client.post(form["action"], same | {"reason": ""}, **DIALOG)
    said = "Nothing changed: the use case is Cancelled already."
    assert text(parsed(same), "[hx-swap-oob] .toast-info p") == said


def test_what_others_changed_beside_the_status_is_kept(
    client: Client, get_page: See, case: str, warehouse: Warehouse
) -> None:
    url = f"/use-cases/{case}/status/"
    sent = filled_in(get_page(url, **DIALOG).select_one("form")) | {"status": "On Hold"}
    before = use_cases.get(warehouse, case)
    use_cases.update(warehouse, case, {"leader": "Mia"}, before.updated_at)
    assert client.post(url, sent, **DIALOG).status_code == 200
    now = use_cases.get(warehouse, case)
    assert (now.status, now.value("leader")) == ("On Hold", "Mia")
    # A word that the vocabulary does not know, an empty one, and a use case that was deleted.
    for word in ("Done", ""):
        response = client.post(url, sent | {"status": word, "reason": "Why"}, **DIALOG)
        assert response.status_code == 422
        assert filled_in(parsed(response).select_one("form"))["reason"] == "Why"
    use_cases.delete(warehouse, case)
    gone = client.post(url, sent | {"reason": "Why"}, **DIALOG)
    assert gone.status_code == 409
    assert "was deleted, or a row filter hides it" in text(
        parsed(gone), "[role=alert]:not([hidden])"
    )
    assert filled_in(parsed(gone).select_one("form"))["reason"] == "Why"
    assert client.get(url).status_code == 404


def test_who_only_changed_other_fields_is_not_said_to_have_set_the_status(
    client: Client,
    get_page: See,
    case: str,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"/use-cases/{case}/status/"
    sent = filled_in(get_page(url, **DIALOG).select_one("form")) | {"status": "On Hold"}
    use_cases.update(warehouse, case, {"leader": "Mia"}, use_cases.get(warehouse, case).updated_at)
    monkeypatch.setattr(_editing, "MERGES", 1)  # as if they were faster each time
    response = client.post(url, sent, **DIALOG)
    assert response.status_code == 409
    again = parsed(response)
    assert "and the status is as before." in text(again, "[role=alert]:not([hidden])")
    assert text(again, "dialog h2") == "Too slow Claims"
    form = again.select_one("form")
    assert client.post(url, filled_in(form), **DIALOG).status_code == 200
    assert status_of(warehouse, case) == ("On Hold", None)


def test_without_javascript_it_has_a_page_and_leads_back(
    client: Client,
    get_page: See,
    case: str,
    warehouse: Warehouse,
    server: LocalWarehouse,
    settings: Any,
) -> None:
    url = f"/use-cases/{case}/status/"
    form = get_page(f"{url}?next=/use-cases/%3Fq%3Dslow").select_one("main form")
    sent = filled_in(form) | {"status": "Completed"}
    server.fault("expired_token", times=None)
    assert client.post(url, sent, **DIALOG)["HX-Retarget"] == "#toasts"
    server.clear_faults()
    response = client.post(url, sent)
    assert (response.status_code, response["Location"]) == (303, "/use-cases/?q=slow")
    assert status_of(warehouse, case) == ("Completed", None)
    settings.EDIP_EDITORS = ["somebody.else@example.com"]
    assert client.get(url).status_code == client.post(url, sent).status_code == 403
    assert not get_page("/use-cases/").select("a.set-status, .pick, #bulk")
