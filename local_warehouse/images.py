"""From the rows that a commit took away and put there to what became of each row."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa

INSERT, DELETE = "insert", "delete"
BEFORE, AFTER = "update_preimage", "update_postimage"


def images(before: pa.Table, after: pa.Table, keys: list[str], operation: str) -> pa.Table:
    """The rows that differ, with their ``_change_type``.

    A row with the same key on both sides was updated. Without keys only an UPDATE is known to
    pair its rows; anything else then counts as rows deleted and inserted.
    """
    gone, come = _difference(before, after)
    if operation == "UPDATE" and gone.num_rows == come.num_rows:
        kinds = [BEFORE] * gone.num_rows, [AFTER] * come.num_rows
    elif keys and gone.num_rows and come.num_rows:
        kinds = _paired(gone, come, keys)
    else:
        kinds = [DELETE] * gone.num_rows, [INSERT] * come.num_rows
    parts = [
        rows.append_column("_change_type", pa.array(kind, pa.string()))
        for rows, kind in zip((gone, come), kinds, strict=True)
    ]
    return pa.concat_tables(parts)


def differ(one: pa.Table, other: pa.Table) -> bool:
    """Whether two results hold other rows, whatever their order."""
    if one.equals(other):
        return False
    return one.num_rows != other.num_rows or any(rows.num_rows for rows in _difference(one, other))


def _difference(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
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
    sums = counted.column("_n_sum").to_pylist()
    rows = counted.select(names)
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
