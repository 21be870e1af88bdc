"""From the rows that a commit took away and put there to what became of each row."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pyarrow.compute as pc

INSERT, DELETE = "insert", "delete"
BEFORE, AFTER = "update_preimage", "update_postimage"


def images(gone: pa.Table, come: pa.Table, keys: list[str], info: dict) -> pa.Table:
    """The rows of both, with their ``_change_type``, as the commit's info tells what happened."""
    kinds = _kinds(gone, come, keys, info)
    parts = [
        rows.append_column("_change_type", pa.array(kind, pa.string()))
        for rows, kind in zip((gone, come), kinds, strict=True)
    ]
    return pa.concat_tables(parts)


def _kinds(
    gone: pa.Table, come: pa.Table, keys: list[str], info: dict
) -> tuple[list[str], list[str]]:
    """Rows were updated where an UPDATE or MERGE says so; else they were deleted and inserted.

    In a MERGE that does both, rows with the same key on either side count as updated.
    """
    updated = _updated(gone, come, info)
    if updated and updated == gone.num_rows == come.num_rows:
        return [BEFORE] * updated, [AFTER] * updated
    if updated and keys:
        return _paired(gone, come, keys)
    return [DELETE] * gone.num_rows, [INSERT] * come.num_rows


def _updated(gone: pa.Table, come: pa.Table, info: dict) -> int:
    """How many rows a commit gave other values."""
    if info.get("operation") == "UPDATE":
        return gone.num_rows
    if info.get("operation") != "MERGE":
        return 0
    metrics = info.get("operationMetrics", {})
    deleted = int(metrics.get("numTargetRowsDeleted", 0))
    inserted = int(metrics.get("numTargetRowsInserted", 0))
    return max(0, min(gone.num_rows - deleted, come.num_rows - inserted))


def difference(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows of each that the other has not, or not so often."""
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
    gone = [i for i, n in enumerate(sums) for _ in range(-n)]
    come = [i for i, n in enumerate(sums) for _ in range(n)]
    return rows.take(pa.array(gone, pa.int64())), rows.take(pa.array(come, pa.int64()))


def _difference_by_text(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    texts = [[repr(row) for row in side.to_pylist()] for side in (before, after)]
    left: defaultdict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts[0]):
        left[text].append(place)
    come = [place for place, text in enumerate(texts[1]) if not left[text] or left[text].pop() < 0]
    gone = sorted(place for places in left.values() for place in places)
    return before.take(pa.array(gone, pa.int64())), after.take(pa.array(come, pa.int64()))


def _paired(gone: pa.Table, come: pa.Table, keys: list[str]) -> tuple[list[str], list[str]]:
    left: defaultdict[tuple, list[int]] = defaultdict(list)
    for place, key in enumerate(_keys(gone, keys)):
        left[key].append(place)
    before, after = [DELETE] * gone.num_rows, [INSERT] * come.num_rows
    for place, key in enumerate(_keys(come, keys)):
        if left[key]:
            before[left[key].pop(0)] = BEFORE
            after[place] = AFTER
    return before, after


def _keys(rows: pa.Table, keys: list[str]) -> list[tuple]:
    return list(zip(*(rows.column(key).to_pylist() for key in keys), strict=True))
