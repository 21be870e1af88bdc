"""The operation parameters and metrics of a commit, as DESCRIBE HISTORY shows them.

The engine and delta-rs write commits with some names that differ from Databricks'.
https://docs.databricks.com/delta/history (operation metrics keys)
"""

from __future__ import annotations

import json
import re
from typing import Any

from . import metadata
from .log import CommitInfo

Details = dict[str, object]
_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)""")
_SPACES = re.compile(r"\s*(\.)\s*|(\()\s+|\s+(?=[),])")


def parameters(commit: CommitInfo) -> Details:
    """Return the operation parameters of a commit in Databricks' terms."""
    given = dict(commit.get("operationParameters") or {})
    operation = commit.get("operation")
    if operation == "CREATE TABLE" and "metadata" in given:
        return _created(json.loads(given["metadata"]))
    if operation in ("UPDATE", "DELETE"):
        return given | {"predicate": _predicates(given.get("predicate"))}
    if operation == "MERGE":
        return {"predicate": _predicates(given.pop("mergePredicate", None)), **given}
    if operation == "WRITE":
        return {"partitionBy": "[]", **given}
    if operation == "OPTIMIZE":
        return {
            "predicate": given.get("predicate", "[]"),
            "zOrderBy": "[]",
            "clusterBy": commit.get("clusterBy", "[]"),
            "auto": given.get("auto", "false"),
        }
    return given


def as_merge(commit: CommitInfo, condition: str) -> CommitInfo:
    """Return the commit of an INSERT as that of the MERGE which it stood for."""
    metrics = commit.get("operationMetrics") or {}
    inserted = metrics.get("numOutputRows", 0)
    return commit | {
        "operation": "MERGE",
        "operationParameters": {
            "mergePredicate": condition,
            "matchedPredicates": "[]",
            "notMatchedPredicates": '[{"actionType":"insert"}]',
            "notMatchedBySourcePredicates": "[]",
        },
        "operationMetrics": metrics
        | {
            "numTargetRowsInserted": inserted,
            "numTargetRowsUpdated": 0,
            "numTargetRowsDeleted": 0,
        },
    }


def metrics(commit: CommitInfo) -> Details:
    """Return the operation metrics of a commit in Databricks' terms."""
    given = dict(commit.get("operationMetrics") or {})
    if commit.get("operation") != "OPTIMIZE" or "filesAdded" not in given:
        return given
    added, removed = (json.loads(given[name]) for name in ("filesAdded", "filesRemoved"))
    return {
        "numAddedFiles": added["totalFiles"],
        "numRemovedFiles": removed["totalFiles"],
        "numAddedBytes": added["totalSize"],
        "numRemovedBytes": removed["totalSize"],
        "minFileSize": added["min"],
        "maxFileSize": added["max"],
    }


def _created(table_metadata: dict[str, Any]) -> Details:
    configuration = table_metadata.get("configuration") or {}
    description = json.loads(configuration.pop(metadata.KEY, "{}"))
    return {
        "isManaged": "true",
        "description": table_metadata.get("description"),
        "partitionBy": "[]",
        "clusterBy": compact_json(description.get("cluster_by", [])),
        "properties": compact_json(description.get("properties", configuration)),
    }


def _predicates(text: str | None) -> str:
    """Return a condition as Delta lists it: a JSON array of one text, or of none."""
    if not text:
        return "[]"
    # The engine puts spaces between tokens; quoted text stays as it is.
    parts = _QUOTED.split(text)
    parts[::2] = (
        _SPACES.sub(lambda found: found[1] or found[2] or "", part) for part in parts[::2]
    )
    return compact_json([f"({''.join(parts).strip()})"])


def compact_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
