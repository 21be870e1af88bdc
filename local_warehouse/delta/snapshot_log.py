"""The log of a table that consists of one version of another table."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .files import Files
from .log import Action


def only_commit(
    table_id: str, schema: str, files: Files, rows: Mapping[str, int | None] | None = None
) -> list[Action]:
    """Return the actions of a log that has one commit, which adds all the files.

    ``rows`` maps paths to numbers of rows, from which the engine counts deleted ones.
    """
    return [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": table_id,
                "format": {"provider": "parquet", "options": {}},
                "schemaString": schema,
                "partitionColumns": [],
                "configuration": {},
            }
        },
        *(
            {
                "add": {
                    "path": name,
                    "partitionValues": {},
                    "size": size,
                    "modificationTime": 0,
                    "dataChange": True,
                    **_stats((rows or {}).get(name)),
                }
            }
            for name, size in files.sizes.items()
        ),
    ]


def _stats(rows: int | None) -> dict[str, str]:
    return {} if rows is None else {"stats": json.dumps({"numRecords": rows})}
