"""Work out the change of each row from the rows that a commit removed and added."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from local_warehouse.delta.log import CommitInfo

INSERT, DELETE = "insert", "delete"
BEFORE, AFTER = "update_preimage", "update_postimage"
Key = tuple[object, ...]


def row_images(removed: pa.Table, added: pa.Table, keys: list[str], info: CommitInfo) -> pa.Table:
    """Return the removed and the added rows with a column ``_change_type``.

    ``keys`` are the primary key's columns, if any; ``info`` is the commit's ``commitInfo``.
    """
    change_types = _change_types(removed, added, keys, info)
    parts = [
        rows.append_column("_change_type", pa.array(types, pa.string()))
        for rows, types in zip((removed, added), change_types, strict=True)
    ]
    return pa.concat_tables(parts)


def _change_types(
    removed: pa.Table, added: pa.Table, keys: list[str], info: CommitInfo
) -> tuple[list[str], list[str]]:
    """Return the change types of the removed rows and of the added rows.

    An UPDATE or MERGE says how many rows it updated; all others were deleted and inserted. If a
    MERGE updated some rows only, removed and added rows with the same key are the updated ones.
    """
    updated = _count_updated(removed, added, info)
    if updated and updated == removed.num_rows == added.num_rows:
        return [BEFORE] * updated, [AFTER] * updated
    if updated and keys:
        return _types_by_key(removed, added, keys)
    return [DELETE] * removed.num_rows, [INSERT] * added.num_rows


def _count_updated(removed: pa.Table, added: pa.Table, info: CommitInfo) -> int:
    """Return the number of rows that a commit updated."""
    before, after = int(removed.num_rows), int(added.num_rows)
    if info.get("operation") == "UPDATE":
        return before
    if info.get("operation") != "MERGE":
        return 0
    metrics = info.get("operationMetrics", {})
    deleted = int(metrics.get("numTargetRowsDeleted", 0))
    inserted = int(metrics.get("numTargetRowsInserted", 0))
    return max(0, min(before - deleted, after - inserted))


def difference(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the rows that only ``before`` has, and those that only ``after`` has.

    A row that one has more often than the other is returned that many times.
    """
    if not before.num_rows or not after.num_rows:
        return before, after
    if any(pa.types.is_nested(field.type) for field in before.schema):
        return _difference_by_text(before, after)
    both = pa.concat_tables(
        [
            before.append_column("_n", pa.repeat(-1, before.num_rows)),
            after.append_column("_n", pa.repeat(1, after.num_rows)),
        ]
    )
    names = before.column_names
    counted = both.group_by(names, use_threads=False).aggregate([("_n", "sum")])
    left = counted.filter(pc.not_equal(counted.column("_n_sum"), 0))
    sums = left.column("_n_sum").to_pylist()
    rows = left.select(names)
    removed = [i for i, n in enumerate(sums) for _ in range(-n)]
    added = [i for i, n in enumerate(sums) for _ in range(n)]
    return rows.take(pa.array(removed, pa.int64())), rows.take(pa.array(added, pa.int64()))


def _difference_by_text(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Compare rows as text: Arrow cannot group by nested values."""
    before_texts, after_texts = (
        [repr(row) for row in side.to_pylist()] for side in (before, after)
    )
    unmatched: defaultdict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(before_texts):
        unmatched[text].append(index)
    added = []
    for index, text in enumerate(after_texts):
        if unmatched[text]:
            unmatched[text].pop()
        else:
            added.append(index)
    removed = sorted(index for indices in unmatched.values() for index in indices)
    return before.take(pa.array(removed, pa.int64())), after.take(pa.array(added, pa.int64()))


def _types_by_key(
    removed: pa.Table, added: pa.Table, keys: list[str]
) -> tuple[list[str], list[str]]:
    """Count a removed and an added row with the same key as one updated row."""
    unmatched: defaultdict[Key, list[int]] = defaultdict(list)
    for index, key in enumerate(_keys(removed, keys)):
        unmatched[key].append(index)
    before, after = [DELETE] * removed.num_rows, [INSERT] * added.num_rows
    for index, key in enumerate(_keys(added, keys)):
        if unmatched[key]:
            before[unmatched[key].pop(0)] = BEFORE
            after[index] = AFTER
    return before, after


def _keys(rows: pa.Table, keys: list[str]) -> list[Key]:
    return list(zip(*(rows.column(key).to_pylist() for key in keys), strict=True))
