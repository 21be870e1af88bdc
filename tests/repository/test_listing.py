"""The parts of a list's statement that need no warehouse: filters, order, limits."""

from __future__ import annotations

import json

import pytest

from crm.model.namespace import Namespace
from crm.model.records import Listing, Update
from crm.model.schema import UPDATES
from crm.repository.records import _account_list, _children, _filters, _listing
from crm.repository.records._filters import Conditions, JointFilter, condition_of
from crm.repository.records._list_query import Query

TEAM = "LOWER(`team`) {} NULLS LAST, `bsnid`"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("team", TEAM.format("ASC")),
        ("-team", TEAM.format("DESC")),
        ("no such", TEAM.format("ASC")),
        ("-no such", TEAM.format("ASC")),
        ("--team", TEAM.format("ASC")),
        ("-updated_at", "updated_at DESC NULLS LAST, `bsnid`"),
        ("-updated_at,team,updated_at,no", f"updated_at DESC NULLS LAST, {TEAM.format('ASC')}"),
    ],
)
def test_every_order_ends_with_the_key_and_has_empty_values_last(sort: str, order: str) -> None:
    first, *then = sort.split(",")
    listing = Listing(sort=first, then=tuple(then))
    found = Query.of(Namespace("c", "s"), listing, _account_list.SOURCE).order
    assert found.by(found.expressions) == order


def test_values_of_filters_are_bound_and_not_too_many() -> None:
    filters = {"vp": ("a", "b'"), "admin": tuple(map(str, range(60))), "unknown": ("x",)}
    found = Conditions.of(Listing(filters=filters), ("vp", "team", "admin"), {})
    array = "FROM_JSON(:f0, 'array<string>')"
    assert found.on_row("vp") == f"ARRAY_CONTAINS({array}, COALESCE(`vp`, ''))"
    assert found.arrays.keys() == {"vp", "admin"}
    assert json.loads(found.params["f0"]) == ["a", "b'"]
    # One parameter for each filter: a statement takes 255.
    assert found.params.keys() == {"f0", "f2"}
    assert len(json.loads(found.params["f2"])) == _filters.VALUES_PER_FILTER
    assert found.is_one_of("team") == ""


def test_a_facet_is_counted_without_its_own_filter() -> None:
    filters = {"vp": ("a",), "team": ("b",)}
    found = Conditions.of(Listing(filters=filters), ("vp", "team"), {})
    both = condition_of(found, JointFilter())
    assert both == f"{found.on_row('vp')} AND {found.on_row('team')}"
    assert condition_of(found, JointFilter(), without="vp") == found.on_row("team")
    joint = JointFilter(("vp",), "joint")
    assert condition_of(found, joint) == f"{found.on_row('team')} AND joint"
    assert condition_of(found, joint, without="vp") == found.on_row("team")


@pytest.mark.parametrize(
    ("page", "size", "reached"),
    [(-3, 25, 1), (0, 25, 1), (7, 25, 7), (10**12, 25, 85_899_345), (10**12, 1, 2**31 - 1)],
)
def test_the_offset_is_an_int(page: int, size: int, reached: int) -> None:
    found = _listing.within_reach(Listing(page=page, size=size))
    assert found.page == reached
    assert (found.page - 1) * found.size < 2**31


def test_a_page_has_a_row_at_least() -> None:
    assert _listing.within_reach(Listing(size=0)).size == 1


def test_a_list_shows_each_of_several_rows_with_one_id() -> None:
    row = {**dict.fromkeys(UPDATES.names), "id": "u", "team": "T"}
    copies = [{**row, "description": each} for each in ("first", "second")]
    # The page has both, and each brings every row with its id.
    rows = [{**copy, "rn": number} for number in (1, 2) for copy in copies]
    found = _children.list_rows(Update, rows)
    assert [each.description for each in found] == ["first", "second"]
