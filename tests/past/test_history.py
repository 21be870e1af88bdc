"""The filters and pages of the history; no warehouse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.model.schema import TABLES
from crm.repository.past import history
from crm.repository.past._attribution import Attributed, Entry
from crm.repository.past._row_versions import RowVersion
from crm.repository.past.cursor import Cursor, Position
from crm.repository.past.history import OUTSIDE, History, Wanted

MOMENT = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def entry(person: str | None = "ana", **row: Any) -> Entry:
    given = {"before": '{"vp": "V"}', "after": '{"vp": "W", "team": "T"}'} | row
    version = RowVersion(1, "K", "B1", 3, MOMENT, **given)
    return Entry(Attributed(version, "id", person, False), None, None)


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        ({}, True),
        ({"kind": "changed"}, True),
        ({"kind": "deleted"}, False),
        ({"kind": "no such"}, True),
        ({"table": TABLES[1].name}, True),
        ({"table": "accounts"}, False),
        ({"table": "no such"}, True),
        ({"since": MOMENT}, True),
        ({"since": MOMENT + dt.timedelta(microseconds=1)}, False),
        ({"until": MOMENT}, False),
        ({"until": MOMENT + dt.timedelta(microseconds=1)}, True),
        ({"operation": "id"}, True),
        ({"operation": "other"}, False),
        ({"field": "vp"}, True),
        ({"field": "team"}, True),
        ({"field": "admin"}, False),
        ({"field": "created_by"}, True),
        ({"person": OUTSIDE}, False),
        ({"person": "ana"}, True),
        ({"person": "bob"}, False),
    ],
)
def test_a_filter_lets_its_changes_through(wanted: dict[str, Any], is_wanted: bool) -> None:
    assert history._is_wanted(entry(), Wanted(**wanted)) is is_wanted


def test_a_change_without_a_person_was_made_outside() -> None:
    assert history._is_wanted(entry(None), Wanted(person=OUTSIDE))
    assert not history._is_wanted(entry(""), Wanted(person=OUTSIDE))


@pytest.mark.parametrize(("total", "last"), [(0, 1), (50, 1), (51, 2), (100, 2)])
def test_the_last_page_has_the_rest(total: int, last: int) -> None:
    assert History(Wanted(size=50), [], total, 1).last == last


@pytest.mark.parametrize("key", ["B1", "a-b/ü-1", ""])
@pytest.mark.parametrize("passed", [(), ("0" * 32, "f" * 32)])
def test_a_cursor_is_a_text_in_a_url(key: str, passed: tuple[str, ...]) -> None:
    moment = MOMENT + dt.timedelta(microseconds=1)
    cursor = Cursor(Position(moment, 2, 17, key), frozenset(passed))
    assert Cursor.read(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", "1", "x-1-1--k", "1-1-1-zz-k", "1-1-1-k"])
def test_another_text_is_no_cursor(text: str) -> None:
    assert Cursor.read(text) is None
