"""What commits tell of themselves, in the terms of DESCRIBE HISTORY on Databricks.

The engine and delta-rs write commits, too, and have names of their own for some things.
https://docs.databricks.com/delta/history (operation metrics keys)
"""

from __future__ import annotations

import json
import re

from . import metadata as description

Told = dict[str, object]
_QUOTED = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)""")
_SPACES = re.compile(r"\s*(\.)\s*|(\()\s+|\s+(?=[),])")


def parameters(commit: dict) -> Told:
    told = dict(commit.get("operationParameters") or {})
    operation = commit.get("operation")
    if operation == "CREATE TABLE" and "metadata" in told:
        return _created(json.loads(told["metadata"]))
    if operation in ("UPDATE", "DELETE"):
        return told | {"predicate": _predicates(told.get("predicate"))}
    if operation == "MERGE":
        return {"predicate": _predicates(told.pop("mergePredicate", None)), **told}
    if operation == "WRITE":
        return {"partitionBy": "[]", **told}
    if operation == "OPTIMIZE":
        return {
            "predicate": told.get("predicate", "[]"),
            "zOrderBy": "[]",
            "clusterBy": told.get("clusterBy", "[]"),
            "auto": told.get("auto", "false"),
        }
    return told


def metrics(commit: dict) -> Told:
    told = dict(commit.get("operationMetrics") or {})
    if commit.get("operation") != "OPTIMIZE" or "filesAdded" not in told:
        return told
    added, removed = (json.loads(told[name]) for name in ("filesAdded", "filesRemoved"))
    return {
        "numAddedFiles": added["totalFiles"],
        "numRemovedFiles": removed["totalFiles"],
        "numAddedBytes": added["totalSize"],
        "numRemovedBytes": removed["totalSize"],
        "minFileSize": added["min"],
        "maxFileSize": added["max"],
    }


def _created(metadata: dict) -> Told:
    configuration = metadata.get("configuration") or {}
    said = json.loads(configuration.pop(description.KEY, "{}"))
    return {
        "isManaged": "true",
        "description": metadata.get("description"),
        "partitionBy": "[]",
        "clusterBy": compact(said.get("cluster_by", [])),
        "properties": compact(said.get("properties", configuration)),
    }


def _predicates(text: str | None) -> str:
    """A condition as Delta lists them: an array of one, or of none."""
    if not text:
        return "[]"
    # The engine writes tokens with spaces between them; what is quoted is left as it is.
    parts = _QUOTED.split(text)
    parts[::2] = (
        _SPACES.sub(lambda found: found[1] or found[2] or "", part) for part in parts[::2]
    )
    return compact([f"({''.join(parts).strip()})"])


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
