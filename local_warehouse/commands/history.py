"""DESCRIBE HISTORY: Delta's commits, with the user whose token made each."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
from deltalake import DeltaTable

from local_warehouse.context import Context
from local_warehouse.delta import history_terms
from local_warehouse.result import MOMENT, NUMBER, TEXT, Result, rows
from local_warehouse.sql.parsing import Words

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
    makers = context.commits.makers(table)
    commits = DeltaTable(context.catalog.location(table)).history(limit)
    return rows(COLUMNS, [_row(commit, makers) for commit in commits])


def _row(commit: dict, makers: dict[int, dict]) -> tuple:
    version = commit["version"]
    user = makers.get(version, {}).get("user")
    return (
        version,
        dt.datetime.fromtimestamp(commit["timestamp"] / 1000, dt.UTC),
        user,
        user,
        commit.get("operation"),
        _texts(history_terms.parameters(commit)),
        None,
        None,
        None,
        version - 1 if version else None,
        "WriteSerializable",
        commit.get("isBlindAppend"),
        _texts(history_terms.metrics(commit)),
        commit.get("userMetadata"),
        commit.get("engineInfo"),
    )


def _texts(values: dict) -> list[tuple[str, str | None]]:
    is_text = (str, type(None))
    return [(k, v if isinstance(v, is_text) else json.dumps(v)) for k, v in sorted(values.items())]
