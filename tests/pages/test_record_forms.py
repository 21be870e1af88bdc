"""Forms save an edit and merge two edits of one record; no warehouse."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from crm.forms import differences
from crm.forms.fields import MomentField, format_moment, offered, parse_moment
from crm.forms.moment import AGO, MomentForm
from crm.forms.records import AccountForm, RecordForm, UpdateForm, UseCaseForm
from crm.model.records import Account, Record, UseCase
from crm.model.schema import USE_CASES

SEEN = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
LATER = SEEN + dt.timedelta(microseconds=1)
ACCOUNT = Account("B1", team="Claims", vp="Vera", business_area="Finance", updated_at=SEEN)
USE_CASE = UseCase("u1", "B1", problem="P", status="Paused", updated_at=SEEN)


def sent(form: RecordForm, **changes: str) -> QueryDict:
    """Return what a browser sends of the form as it is shown, with some fields changed."""
    data = QueryDict(mutable=True)
    for field in form:
        value = field.value()
        data[field.name] = "" if value is None else str(value)
    data.update(changes)
    return data


def edit(record: Record, **changes: str) -> RecordForm:
    kind = AccountForm if isinstance(record, Account) else UseCaseForm
    return kind(sent(kind(record=record), **changes), record=record)


def changed(record: Any, **changes: Any) -> Any:
    """Return the record after somebody else saved it."""
    return replace(record, updated_at=LATER, updated_by="bob@example.com", **changes)


def saved(form: RecordForm) -> dict[str, Any]:
    assert form.is_valid(), form.errors
    return form.values()


def test_an_edit_saves_only_changed_fields() -> None:
    assert saved(edit(ACCOUNT, vp="Mine")) == {"vp": "Mine"}
    assert saved(edit(ACCOUNT, vp=" ")) == {"vp": None}
    assert saved(edit(ACCOUNT)) == {}
    assert edit(ACCOUNT).data["updated_at"] == "2026-01-02T03:04:05.678901+00:00"


def test_a_new_record_saves_all_fields() -> None:
    form = UseCaseForm(sent(UseCaseForm(new=True), problem="P", status="Active"), new=True)
    values = saved(form)
    assert (values["problem"], values["status"], values["leader"]) == ("P", "Active", None)


def test_each_new_record_has_a_key_of_its_own() -> None:
    keys = {str(UpdateForm(new=True)["id"].value()) for _ in range(2)}
    assert len(keys) == 2


def test_edits_of_different_fields_merge() -> None:
    current = changed(ACCOUNT, admin="Theirs")
    merged = edit(ACCOUNT, vp="Mine").merge(current)
    assert merged.conflicts == ()
    assert [column.name for column in merged.kept] == ["admin"]
    assert merged.form.notes == {"admin": "bob@example.com"}
    assert saved(merged.form) == {"vp": "Mine"}
    assert merged.form.cleaned_data["updated_at"] == LATER
    assert merged.form.cleaned_data["admin"] == "Theirs"


def test_equal_edits_save_nothing() -> None:
    merged = edit(ACCOUNT, vp="Both").merge(changed(ACCOUNT, vp="Both"))
    assert (merged.conflicts, merged.kept) == ((), ())
    assert saved(merged.form) == {}


def test_different_values_of_one_field_are_a_conflict() -> None:
    merged = edit(ACCOUNT, vp="Vera Mine").merge(changed(ACCOUNT, vp="Vera Theirs"))
    (conflict,) = merged.conflicts
    assert (conflict.column.name, conflict.theirs) == ("vp", "Vera Theirs")
    assert conflict.parts == (("Vera ", False), ("Theirs", True))
    assert merged.form.data["vp"] == "Vera Mine"
    assert merged.kept == ()


def test_a_field_set_back_by_the_other_person_is_no_conflict() -> None:
    """Only this person's edit differs from what the form showed."""
    merged = edit(ACCOUNT, vp="Mine").merge(changed(ACCOUNT))
    assert (merged.conflicts, merged.kept) == ((), ())
    assert saved(merged.form) == {"vp": "Mine"}


@pytest.mark.parametrize(
    ("choice", "expected"), [("theirs", {}), ("mine", {"vp": "Mine"}), ("odd", {"vp": "Mine"})]
)
def test_the_choice_of_a_conflict(choice: str, expected: dict[str, str]) -> None:
    current = changed(ACCOUNT, vp="Theirs")
    form = edit(ACCOUNT, vp="Mine").merge(current).form
    data = sent(form, **{"choose-vp": choice, "theirs-vp": "Theirs"})
    assert saved(AccountForm(data, record=current)) == expected


def test_a_second_merge_forgets_the_choices_of_the_first() -> None:
    form = edit(ACCOUNT, **{"vp": "Mine", "choose-vp": "theirs", "theirs-vp": "Theirs"})
    merged = form.merge(changed(ACCOUNT, admin="A"))
    assert not [name for name in merged.form.data if name.startswith(("choose-", "theirs-"))]


def test_a_form_that_shows_no_fingerprints_asks_about_each_difference() -> None:
    merged = edit(ACCOUNT, vp="Mine", shown="").merge(changed(ACCOUNT, admin="Theirs"))
    assert [each.column.name for each in merged.conflicts] == ["vp", "admin"]


def test_somebody_unknown_changed_it() -> None:
    merged = edit(ACCOUNT).merge(replace(ACCOUNT, updated_at=LATER, admin="A"))
    assert merged.form.notes == {"admin": "Somebody else"}


def test_masked_fields_are_never_saved_nor_compared() -> None:
    masked = frozenset({"vp"})
    form = AccountForm(
        sent(AccountForm(record=ACCOUNT, masked=masked), vp="Forged", admin="Mine"),
        record=ACCOUNT,
        masked=masked,
    )
    assert form.fields["vp"].disabled
    assert saved(form) == {"admin": "Mine"}
    merged = form.merge(changed(ACCOUNT, vp="***"))
    assert (merged.conflicts, merged.kept) == ((), ())
    assert saved(merged.form) == {"admin": "Mine"}


def test_a_word_outside_the_vocabulary_stays_on_offer() -> None:
    assert edit(USE_CASE).needs_record
    assert not edit(USE_CASE, status="Active").needs_record
    merged = edit(USE_CASE, problem="Q").merge(changed(USE_CASE, leader="L"))
    assert saved(merged.form) == {"problem": "Q"}
    assert offered(USE_CASES.column("status"), "Paused", "Paused", None)[-1] == "Paused"


def test_a_chosen_word_stays_on_offer_after_a_merge() -> None:
    merged = edit(USE_CASE, status="Paused").merge(changed(USE_CASE, status="Active"))
    assert [column.name for column in merged.kept] == ["status"]
    merged = edit(replace(USE_CASE, status="Active"), status="Odd").merge(
        changed(USE_CASE, status="Paused")
    )
    offers = [value for value, _ in merged.form.fields["status"].choices]
    assert offers[-2:] == ["Paused", "Odd"]


def test_long_texts_are_not_compared_word_by_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "_COMPARABLE", 5)
    merged = edit(USE_CASE, problem="long mine").merge(changed(USE_CASE, problem="long theirs"))
    assert merged.conflicts[0].parts == (("long theirs", False),)


def test_comparing_long_texts_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join(f"word{n % 900}" for n in range(2000))
    parts = differences.differences(f"{text} of theirs", f"My {text}")
    assert parts == ((f"{text} ", False), ("of theirs", True))
    # Of few words again and again; of many words, of which every second one differs.
    for theirs, mine in (
        ("a b " * 2000, "b a " * 2000),
        (" ".join(f"{n} -" for n in range(3000)), " ".join(f"{n} +" for n in range(3000))),
    ):
        assert differences.differences(theirs, mine) == ((theirs, False),)

    # Two words and one pair of equal ones; then the one word before that pair.
    for steps, count in ((3, 1), (4, 2)):
        monkeypatch.setattr(differences, "_MOST_STEPS", steps)
        assert len(differences.differences("c b", "a b")) == count


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05.678901+00:00", SEEN),
        ("2026-01-02T03:04:05.678901", SEEN),
        (" 2026-01-02T03:04:05.678901+00:00 ", SEEN),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_moment_in_a_form(text: str, moment: dt.datetime | None) -> None:
    assert MomentField(required=False).clean(text) == moment
    assert parse_moment(format_moment(SEEN)) == SEEN
    assert format_moment(None) == ""


def test_messages_name_the_field() -> None:
    form = AccountForm(QueryDict("bsnid=&team="), new=True)
    assert form.errors["bsnid"] == ["Fill in the BSNID."]
    assert form.errors["team"] == ["Fill in the team."]
    assert UseCaseForm(QueryDict("problem=P"), new=True).errors["status"] == ["Choose the status."]


@pytest.mark.parametrize(
    ("text", "errors"),
    [("2026-03-31", None), ("31.03.2026", ["This is not a date. Write it as 2026-03-31."])],
)
def test_a_date_is_checked_in_the_form(text: str, errors: list[str] | None) -> None:
    form = UpdateForm(QueryDict(f"date={text}"), new=True)
    assert form.errors.get("date") == errors


def test_text_loses_blanks_around_it() -> None:
    form = UseCaseForm(QueryDict("problem=+a+\r\n\r\n&status=Active"), new=True)
    form.is_valid()
    assert form.cleaned_data["problem"] == "a"


def test_a_moment_is_read_in_the_readers_zone() -> None:
    with timezone.override("Europe/Berlin"):
        form = MomentForm({"moment": "2026-01-02T03:04:05"})
        assert form.is_valid(), form.errors
        moment = form.cleaned_data["moment"]
    assert moment == dt.datetime(2026, 1, 2, 2, 4, 5, tzinfo=dt.UTC)
    assert moment.tzinfo is dt.UTC


@pytest.mark.parametrize("text", ["soon", "0001-01-01T00:00:00"])
def test_a_moment_that_does_not_exist(text: str) -> None:
    with timezone.override("Asia/Tokyo"):
        form = MomentForm({"moment": text})
        assert form.errors["moment"] == [
            "This is not a date and time. Write it as 2026-11-20 09:30."
        ]


def test_choices_of_the_picker_say_how_long_ago_they_are() -> None:
    assert [(label, ago.total_seconds() / 3600) for label, ago in AGO.values()] == [
        ("An hour ago", 1),
        ("A day ago", 24),
        ("A week ago", 7 * 24),
        ("30 days ago", 30 * 24),
    ]
