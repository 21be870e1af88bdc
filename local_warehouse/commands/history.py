"""DESCRIBE HISTORY: the commits of a table, each with the user who made it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping

import pyarrow as pa

from local_warehouse.context import Context
from local_warehouse.delta import operation_details
from local_warehouse.delta.commits import Maker
from local_warehouse.delta.log import CommitInfo
from local_warehouse.errors import no_history
from local_warehouse.result import MOMENT, NUMBER, TEXT, Result, rows
from local_warehouse.sql.parsing import Words
from local_warehouse.sql.policies import is_protected

# https://docs.databricks.com/delta/history (history schema)
COLUMNS = {
    "version": NUMBER,
    "timestamp": MOMENT,
    "userId": TEXT,
    "userName": TEXT,
    "operation": TEXT,
    "operationParameters": pa.map_(TEXT, TEXT),
    "job": TEXT,
    "notebook": TEXT,
    "clusterId": TEXT,
    "readVersion": NUMBER,
    "isolationLevel": TEXT,
    "isBlindAppend": pa.bool_(),
    "operationMetrics": pa.map_(TEXT, TEXT),
    "userMetadata": TEXT,
    "engineInfo": TEXT,
}


def describe_history(words: Words, context: Context) -> Result:
    words.accept("TABLE")
    table = context.resolver.table(words.table(), "SELECT")
    limit = words.number() if words.accept("LIMIT") else None
    words.end()
    if is_protected(table):
        raise no_history(table.full_name)
    makers = context.commits.makers(table)
    latest, earliest = context.commits.version(table), context.commits.earliest(table).commit
    versions = range(latest, earliest - 1, -1)[:limit]
    commits = ({"version": n, **context.commits.info(table, n)} for n in versions)
    return rows(COLUMNS, [_row(commit, makers) for commit in commits])


def _row(commit: CommitInfo, makers: Mapping[int, Maker]) -> tuple[object, ...]:
    version = commit["version"]
    maker = makers.get(version)
    user = maker["user"] if maker else None
    if maker and "merged" in maker:
        commit = operation_details.as_merge(commit, maker["merged"])
    return (
        version,
        dt.datetime.fromtimestamp(commit["timestamp"] / 1000, dt.UTC),
        user,
        user,
        commit.get("operation"),
        _texts(operation_details.parameters(commit)),
        None,
        None,
        None,
        version - 1 if version else None,
        "WriteSerializable",
        commit.get("isBlindAppend"),
        _texts(operation_details.metrics(commit)),
        commit.get("userMetadata"),
        commit.get("engineInfo"),
    )


def _texts(values: Mapping[str, object]) -> list[tuple[str, str | None]]:
    return [
        (key, value if value is None or isinstance(value, str) else json.dumps(value))
        for key, value in sorted(values.items())
    ]
