"""The conditions of the history's filters; no warehouse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from crm.repository.past import history
from crm.repository.past.history import OUTSIDE, History, Wanted

MOMENT = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("wanted", "conditions", "params"),
    [
        ({}, ["TRUE"], {}),
        ({"kind": "changed"}, ["kind = :kind"], {"kind": "changed"}),
        ({"kind": "no such"}, ["TRUE"], {}),
        ({"table": "accounts"}, ["place = :table"], {"table": 0}),
        ({"table": "no such"}, ["TRUE"], {}),
        ({"since": MOMENT}, ["moment >= :since"], {"since": MOMENT}),
        ({"until": MOMENT}, ["moment < :until"], {"until": MOMENT}),
        ({"field": "created_by"}, ["TRUE"], {}),
        ({"person": OUTSIDE}, ["TRUE", "person IS NULL"], {}),
        ({"person": "ana"}, ["TRUE", "person = :person"], {"person": "ana"}),
    ],
)
def test_a_filter_is_a_condition_with_its_value_bound(
    wanted: dict[str, Any], conditions: list[str], params: dict[str, Any]
) -> None:
    assert history._filters(Wanted(**wanted)) == (conditions, params)


def test_a_field_is_compared_before_and_after_the_change() -> None:
    ((condition,), params) = history._filters(Wanted(field="vp"))
    assert "GET_JSON_OBJECT(`before`, :field) <=> GET_JSON_OBJECT(`after`, :field)" in condition
    assert condition.startswith("NOT ")
    assert params == {"field": "$.vp"}


@pytest.mark.parametrize(("total", "last"), [(0, 1), (50, 1), (51, 2), (100, 2)])
def test_the_last_page_has_the_rest(total: int, last: int) -> None:
    assert History(Wanted(size=50), [], total, 1).last == last


def test_a_change_without_a_person_was_made_outside() -> None:
    row = {
        "place": 0,
        "key": "B1",
        "account": "B1",
        "version": 3,
        "moment": MOMENT,
        "before": None,
        "after": '{"bsnid": "B1", "team": "T"}',
        "team": None,
        "person": None,
        "operation": None,
        "summary": None,
        "changes": 1,
        "started_at": None,
        "undo": None,
        "returned": None,
    }
    change = history._change(row)
    assert (change.outside, change.person, change.returned) == (True, "", False)
    assert change.before is None
    assert (change.after or {})["team"] == "T"
    ours = history._change(row | {"person": "", "returned": True})
    assert (ours.outside, ours.person, ours.returned) == (False, "", True)
