"""A table with a change data feed, and reading its changes."""

from __future__ import annotations

import pytest

FEED = "TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"


@pytest.fixture
def table(shell):
    shell.run(
        f"CREATE TABLE t (id STRING NOT NULL, n INT, CONSTRAINT t_pk PRIMARY KEY(id)) {FEED}"
    )
    shell.name = f"tests.{shell.value('SELECT current_schema()')}.t"
    return shell


def changes(shell, start=0, *, of="t", end=None, parameters=None):
    until = "" if end is None else f", {end}"
    rows = shell.run(
        f"SELECT _commit_version, _change_type, id, n FROM table_changes('{of}', {start}{until}) "
        "ORDER BY 1, id, 2 DESC",
        parameters,
    )
    return [tuple(row) for row in rows]
