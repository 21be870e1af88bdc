from __future__ import annotations

import pytest
from django.http import QueryDict

from crm.forms.records import AccountForm, UpdateForm, UseCaseForm
from crm.model.links import link_problem
from crm.model.records import UseCase
from crm.model.schema import MAX_LINE, MAX_TEXT, TABLES

ACCOUNT = {"bsnid": "BSN001", "team": "Claims", "business_area": "Finance"}


def account_form(**changes: str) -> AccountForm:
    return AccountForm(posted(ACCOUNT | changes), new=True)


def posted(values: dict[str, str]) -> QueryDict:
    data = QueryDict(mutable=True)
    data.update(values)
    return data


def test_a_masked_field_is_as_large_as_its_value_may_be() -> None:
    fields = UseCaseForm(record=UseCase("u1", "B1"), masked={"problem", "leader"}).fields
    assert [type(fields[name].widget).__name__ for name in ("problem", "leader")] == [
        "Textarea",
        "TextInput",
    ]


@pytest.mark.parametrize("form", [AccountForm, UseCaseForm, UpdateForm])
def test_every_editable_column_has_its_field(form: type[AccountForm]) -> None:
    assert form.table in TABLES
    names = {column.name for column in form.table.editable}
    more = {"reason", "shown_reason"} if form is UseCaseForm else set()
    assert set(form().fields) == names | more | {"updated_at", "shown"}
    form_id = {"form_id"} if form is AccountForm else set()
    assert set(form(new=True).fields) == names | more | {form.table.key} | form_id


@pytest.mark.parametrize("bsnid", ["BSN001", "a", "4f1e-9.x_Y", "x" * 64])
def test_a_good_bsnid(bsnid: str) -> None:
    assert account_form(bsnid=bsnid).is_valid()


@pytest.mark.parametrize(
    "bsnid", ["", "new", "NEW", "..", "a b", "a/b", "x" * 65, "é", "-a", "a\0"]
)
def test_a_bad_bsnid(bsnid: str) -> None:
    assert "bsnid" in account_form(bsnid=bsnid).errors


@pytest.mark.parametrize(
    "link",
    [
        "https://dev.azure.com/org/project",
        "http://intranet/wiki?page=1#top",
        "HTTPS://EXAMPLE.COM",
        "https://example.com:8443/a%20b",
        "https://müller.example/ü",
        "https://example.com/@name?mail=a@b.example",
        "http://[::1]:8000/",
    ],
)
def test_a_good_link(link: str) -> None:
    assert not link_problem(link)


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://exa mple.com",
        'https://example.com/"onclick=x',
        "http://[::1",
        "https://dev.azure.com@evil.example/",
        "https://user:secret@dev.azure.com/",
        "https://dev.azure.com/\u202efdp.exe",
        "https://dev\u200b.azure.com/",
        "https://dev.azure.com/\u2066x\u2069",
        "https://dev.azure.com/\ufeff",
        "https://dev.azure\u00ad.com/",
        "https://dev.azure.com/\u3164",
        "https://dev.azure.com/a\ufe0f",
        "ftp://example.com",
    ],
)
def test_a_bad_link(link: str) -> None:
    assert link_problem(link)


def test_the_error_names_the_bad_line() -> None:
    form = account_form(azure_devops_link="https://a.example/\n\njavascript:alert(1)")
    assert form.errors["azure_devops_link"] == [
        "Line 2 (javascript:alert(1)): a link starts with https:// or http://."
    ]


def test_links_lose_blank_lines_and_blanks_around() -> None:
    form = account_form(azure_devops_link=" https://a.example/ \r\n\r\nhttps://b.example/\r")
    assert form.is_valid()
    assert form.values()["azure_devops_link"] == "https://a.example/\nhttps://b.example/"


def test_too_long_says_limit_and_length() -> None:
    form = account_form(team="x" * (MAX_LINE + 1))
    assert form.errors["team"] == ["This is too long: 201 characters of at most 200."]


def test_line_breaks_become_one_kind_and_count_once() -> None:
    text = "\r\n".join("x" * 99 for _ in range(MAX_TEXT // 100))
    values = {"id": "8a3a2b5e-3a66-4f4c-9a4e-111111111111", "problem": text, "status": "Active"}
    form = UseCaseForm(posted(values), new=True)
    assert form.is_valid(), form.errors
    assert "\r" not in form.values()["problem"]


def test_a_line_stays_one_line() -> None:
    form = account_form(team=" Claims \r\n Analytics ")
    assert form.is_valid()
    assert form.values()["team"] == "Claims Analytics"


def test_nothing_filled_in_is_none() -> None:
    form = account_form(vp="   ")
    assert form.is_valid()
    assert form.values()["vp"] is None


def test_only_known_words_may_be_chosen() -> None:
    form = UseCaseForm(posted({"problem": "P", "status": "Paused"}))
    assert form.needs_record
    assert form.errors["status"] == ["“Paused” is not one of the choices."]


def test_the_records_own_word_may_be_kept() -> None:
    record = UseCase("1", "BSN001", status="Paused")
    form = UseCaseForm(posted({"problem": "P", "status": "Paused"}), record=record)
    assert form.is_valid(), form.errors


def test_a_field_whose_saved_value_was_chosen_takes_it() -> None:
    data = posted({"problem": "mine", "status": "Active", "theirs-problem": "theirs"})
    data["choose-problem"] = "theirs"
    form = UseCaseForm(data)
    assert form.is_valid()
    assert form.values()["problem"] == "theirs"


def test_a_null_character_is_refused() -> None:
    assert "team" in account_form(team="a\0b").errors
