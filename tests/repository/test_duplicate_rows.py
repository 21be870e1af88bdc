"""The words for rows of one key: which values differ, and which of them a repair keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm.model.schema import ACCOUNTS, UPDATES, Table
from crm.repository.integrity import _duplicate_rows

LONG = "x" * 61


def found(table: Table, n: int, *rows: dict[str, str | None]) -> str:
    """Return the rows as the warehouse tells them, the one that is kept last."""

    def values(row: dict[str, str | None]) -> list[dict[str, Any]]:
        texts = [row.get(column.name) for column in table.own_columns if column.name != table.key]
        return [{"hash": hash(t)} | ({} if t is None else {"text": t[:61]}) for t in texts]

    places = reversed(range(1, len(rows) + 1))
    given = [
        {"place": place, "values": values(row)} for place, row in zip(places, rows, strict=True)
    ]
    return json.dumps({"n": n, "rows": given})


@pytest.mark.parametrize(
    ("table", "rows", "detail"),
    [
        (ACCOUNTS, [{"team": "T"}], "3 rows have this key, all with the same values"),
        (
            ACCOUNTS,
            [{"team": "B", "vp": "V"}, {"team": LONG}, {"team": "Kept"}],
            f"3 rows have this key; another row has Team “B” instead of “Kept”, "
            f"VP “V” instead of “”; yet another Team “{LONG}” instead of “Kept”",
        ),
        (
            UPDATES,
            [{"description": LONG}, {"description": f"{LONG}y"}],
            "3 rows have this key; another row has "
            f"Update “{LONG[:60]}…” instead of “{LONG[:60]}…”",
        ),
        (
            UPDATES,
            [{"author": ""}, {"author": None}],
            "3 rows have this key; another row has Author “” instead of “”",
        ),
    ],
    ids=["equal", "account", "cut", "empty"],
)
def test_rows_of_one_key_are_distinguished(
    table: Table, rows: list[dict[str, str | None]], detail: str
) -> None:
    told, repair = _duplicate_rows.words(table, found(table, 3, *rows))
    assert told == detail
    if len(rows) == 1:
        assert repair == "keep one of them"
    else:
        assert ("an id of its own" in repair) is (table is UPDATES)
