"""Two people edit one record: both edits are kept, and the second person is asked only about a
field that both changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.repository.records import accounts, updates, use_cases
from crm.warehouse import Warehouse
from tests.conftest import Statements

from .html import HTMX, filled_in, parsed, record_form, text, texts

BOTH_WAYS = pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])


@pytest.fixture
def account(account_of_vera: str) -> str:
    return account_of_vera


def behind(wh: Warehouse, bsnid: str, **changes: Any) -> None:
    accounts.update(wh, bsnid, changes, accounts.get(wh, bsnid).updated_at)


@BOTH_WAYS
def test_edits_of_different_fields_merge(
    client: Client,
    account: str,
    someone_else: Warehouse,
    statements: Statements,
    headers: dict[str, str],
) -> None:
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    behind(someone_else, account, admin="Theirs", primary_it_partner="Theirs too")
    with statements() as done:
        response = client.post(path, form | {"vp": "Mine"}, **headers)
    assert response.status_code in (204, 200, 303)
    # One statement is refused, one reads the record, and one saves it.
    assert len(done) == 3
    now = accounts.get(someone_else, account)
    assert (now.vp, now.admin, now.primary_it_partner) == ("Mine", "Theirs", "Theirs too")
    message = text(parsed(client.get(f"/accounts/{account}/")), "#toasts .toast-success p")
    assert message == (
        "The account was saved. bob@example.com changed Admin and Primary IT partner in the "
        "meantime; those changes were kept."
    )


def test_the_same_edit_twice_asks_nothing(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    form = record_form(client.get(f"/accounts/{account}/edit/"))
    behind(someone_else, account, vp="Both", admin="Theirs")
    response = client.post(f"/accounts/{account}/edit/", form | {"vp": "Both"})
    assert response.status_code == 303
    page = parsed(client.get(response["Location"]))
    assert text(page, "#toasts p") == "The account was saved."
    now = accounts.get(someone_else, account)
    assert (now.vp, now.admin, now.updated_by) == ("Both", "Theirs", "bob@example.com")


def test_the_same_field_asks(client: Client, account: str, someone_else: Warehouse) -> None:
    form = record_form(client.get(f"/accounts/{account}/edit/"))
    behind(someone_else, account, vp="Vera <Theirs>", admin="Bea")
    changes = {"vp": "Vera Mine", "primary_it_partner": "Ian"}
    for headers in ({}, HTMX):
        response = client.post(f"/accounts/{account}/edit/", form | changes, **headers)
        assert response.status_code == 409
        page = parsed(response)
        assert "bob@example.com" in text(page, ".banner p")
        assert texts(page, ".asked legend") == ["VP"]
        assert text(page, ".asked .prose") == "Vera <Theirs>"
        assert text(page, ".asked mark") == "<Theirs>"
        assert page.select_one("label[for=id_admin] + .merged")
        kept = record_form(response)
        assert (kept["vp"], kept["admin"]) == ("Vera Mine", "Bea")
        assert kept["primary_it_partner"] == "Ian"
        assert accounts.get(someone_else, account).vp == "Vera <Theirs>"


def test_the_answer_is_saved(client: Client, account: str, someone_else: Warehouse) -> None:
    path = f"/accounts/{account}/edit/"
    answers: list[tuple[dict[str, str], str]] = [
        ({"choose-vp": "theirs"}, "Theirs 0"),
        ({}, "Mine 1"),
        ({"choose-vp": "mine", "vp": "A third"}, "A third"),
        ({"choose-vp": "whatever"}, "Mine 3"),
    ]
    for n, (choice, vp) in enumerate(answers):
        form = record_form(client.get(path))
        behind(someone_else, account, vp=f"Theirs {n}", admin=f"Bea {n}")
        mine = {"vp": f"Mine {n}", "team": f"Mine {n}"}
        asked = record_form(client.post(path, form | mine))
        assert client.post(path, asked | choice).status_code == 303, choice
        now = accounts.get(someone_else, account)
        assert (now.vp, now.admin, now.team) == (vp, f"Bea {n}", f"Mine {n}"), choice


def test_changed_again_while_being_asked(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    behind(someone_else, account, vp="Theirs")
    asked = record_form(client.post(path, form | {"vp": "Mine"}))
    behind(someone_else, account, vp="Theirs again", admin="Bea")
    response = client.post(path, asked)
    assert response.status_code == 409
    assert text(parsed(response), ".asked .prose") == "Theirs again"
    behind(someone_else, account, admin="Cid")
    assert client.post(path, record_form(response)).status_code == 303
    now = accounts.get(someone_else, account)
    assert (now.vp, now.admin) == ("Mine", "Cid")


def test_keeping_theirs_is_no_change_of_mine(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    """The person chooses the others' value; if the others then change it once more, nobody has to
    be asked again."""
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    behind(someone_else, account, vp="Theirs")
    asked = record_form(client.post(path, form | {"vp": "Mine", "team": "Mine"}))
    behind(someone_else, account, vp="Theirs again")
    assert client.post(path, asked | {"choose-vp": "theirs"}).status_code == 303
    now = accounts.get(someone_else, account)
    assert (now.vp, now.team) == ("Theirs again", "Mine")


def test_a_wrong_value_and_a_conflict(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    behind(someone_else, account, vp="Theirs")
    asked = client.post(path, form | {"vp": "Mine"})
    wrong = client.post(path, record_form(asked) | {"azure_devops_link": "no link"})
    assert wrong.status_code == 422
    assert record_form(wrong)["azure_devops_link"] == "no link"
    assert record_form(wrong)["vp"] == "Mine"


def test_a_form_that_hides_what_it_was_shown_with_asks(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    behind(someone_else, account, admin="Theirs")
    for shown in ("", "garbage", "vp=", "vp=0 " * 10_000, "\x00", "updated_at=1"):
        response = client.post(path, form | {"vp": "Mine", "shown": shown})
        assert response.status_code in (409, 422), shown[:20]
        now = accounts.get(someone_else, account)
        assert (now.vp, now.admin) == ("Vera", "Theirs"), shown[:20]


def test_a_word_that_only_the_record_knows(
    client: Client, account: str, make_use_case: Callable[..., str], someone_else: Warehouse
) -> None:
    """They moved it from a word that is no choice any more; I changed something else."""
    key = make_use_case(status="Paused")
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    seen = use_cases.get(someone_else, key).updated_at
    use_cases.update(someone_else, key, {"status": "On Hold"}, seen)
    response = client.post(f"/use-cases/{key}/edit/", form | {"leader": "Mine"})
    assert response.status_code == 303
    now = use_cases.get(someone_else, key)
    assert (now.status, now.leader) == ("On Hold", "Mine")


def test_long_texts_show_what_differs(
    client: Client, account: str, make_update: Callable[..., str], someone_else: Warehouse
) -> None:
    before = " ".join(f"word{n}" for n in range(300))
    key = make_update(description=before)
    form = record_form(client.get(f"/updates/{key}/edit/"))
    theirs = before.replace("word150", "changed by them")
    seen = updates.get(someone_else, key).updated_at
    updates.update(someone_else, key, {"description": theirs}, seen)
    mine = before.replace("word20 ", "mine ")
    response = client.post(f"/updates/{key}/edit/", form | {"description": mine})
    page = parsed(response)
    assert texts(page, ".asked mark") == ["word20", "changed by them"]
    assert page.select_one(".asked .prose").get_text() == theirs


@pytest.mark.parametrize("kind", ["use-cases", "updates"])
def test_a_child_deleted_meanwhile_can_be_created_anew(
    client: Client,
    account: str,
    make_use_case: Callable[..., str],
    make_update: Callable[..., str],
    someone_else: Warehouse,
    kind: str,
) -> None:
    make, rows = (make_use_case, use_cases) if kind == "use-cases" else (make_update, updates)
    key = make()
    form = record_form(client.get(f"/{kind}/{key}/edit/"))
    rows.delete(someone_else, key)
    field = "problem" if kind == "use-cases" else "description"
    response = client.post(f"/{kind}/{key}/edit/", form | {field: "Typed"})
    assert response.status_code == 409
    page = parsed(response)
    assert page.select_one(f".banner a[href='/accounts/{account}/history/']")
    again = page.select_one("#record form")
    assert client.post(again["action"], filled_in(again)).status_code == 303
    detail = accounts.get_detail(someone_else, account)
    saved = detail.use_cases if kind == "use-cases" else detail.updates
    assert [getattr(row, field) for row in saved] == ["Typed"]


def test_deleted_between_the_question_and_the_answer(
    client: Client, account: str, someone_else: Warehouse
) -> None:
    path = f"/accounts/{account}/edit/"
    form = record_form(client.get(path))
    behind(someone_else, account, vp="Theirs")
    asked = record_form(client.post(path, form | {"vp": "Mine"}))
    accounts.delete(someone_else, account)
    response = client.post(path, asked)
    assert response.status_code == 409
    again = parsed(response).select_one("#record form")
    assert again["action"] == "/accounts/new/"
    assert client.post("/accounts/new/", filled_in(again)).status_code == 303
    assert accounts.get(someone_else, account).vp == "Mine"


def test_a_child_whose_account_is_gone_keeps_what_was_typed(
    client: Client, account: str, make_use_case: Callable[..., str], someone_else: Warehouse
) -> None:
    key = make_use_case()
    form = record_form(client.get(f"/use-cases/{key}/edit/"))
    accounts.delete(someone_else, account)
    first = parsed(client.post(f"/use-cases/{key}/edit/", form | {"problem": "Typed"}))
    again = first.select_one("#record form")
    second = client.post(again["action"], filled_in(again))
    assert second.status_code == 409
    assert record_form(second)["problem"] == "Typed"
    assert parsed(second).select_one(f".banner a[href='/accounts/{account}/history/']")
    assert accounts.get_detail(someone_else, account) is None
