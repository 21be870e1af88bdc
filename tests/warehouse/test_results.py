"""Rows of a result have the values that Arrow would give them."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from crm.warehouse.results import LargeResult, rows

MOMENTS = [
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    None,
    dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
]


class _Cursor:
    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def fetchall_arrow(self) -> pa.Table:
        return self._table


def _table(zone: str | None, unit: str = "us") -> pa.Table:
    moments = pa.array(MOMENTS, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone))
    part = pa.table(
        {
            "moment": moments,
            "text": pa.array(["", None, "ä", "b", "c"]),
            "day": pa.array([dt.date(2026, 1, 1)] * 5),
            "nested": pa.array([[{"moment": moment}] for moment in MOMENTS]),
        }
    )
    return pa.concat_tables([part, part])


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "America/New_York", None])
def test_timestamps_are_those_of_arrow(zone: str | None) -> None:
    table = _table(zone)
    found = rows(_Cursor(table))
    assert found == [
        {**row, "moment": moment}
        for row, moment in zip(
            _table("UTC").to_pylist(),
            [each if zone or each is None else each.replace(tzinfo=None) for each in MOMENTS * 2],
            strict=True,
        )
    ]


def test_lists_and_structs_may_lack_values_at_each_level() -> None:
    moment = MOMENTS[-1]
    each = [{"at": moment, "of": [{"n": 1}, None]}, None, {"at": None, "of": None}]
    lists = [each, None, [], [*each, {"at": moment, "of": []}], [None], each]
    nested = pa.array(lists)
    parts = pa.table({"nested": pa.chunked_array([nested[1:4], nested[:0], nested[4:], nested])})
    assert [row["nested"] for row in rows(_Cursor(parts))] == lists[1:4] + lists[4:] + lists
    assert rows(_Cursor(parts.slice(2, 5))) == parts.slice(2, 5).to_pylist()


def test_a_struct_may_have_no_fields() -> None:
    nested = pa.array([[{}, None], [], None, [{}]], pa.list_(pa.struct([])))
    assert [row["nested"] for row in rows(_Cursor(pa.table({"nested": nested})))] == [
        [{}, None],
        [],
        None,
        [{}],
    ]


def test_a_large_result_has_the_same_rows() -> None:
    table, file = _table("Etc/UTC"), pa.BufferOutputStream()
    with pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    assert list(LargeResult(pa.BufferReader(file.getvalue()), 10)) == rows(_Cursor(table))


def test_a_result_without_rows_or_columns() -> None:
    assert rows(_Cursor(_table("UTC").slice(0, 0))) == []
    assert rows(_Cursor(pa.table({}))) == []
