"""The log of a table that consists of one version of another table."""

from __future__ import annotations

from .files import Files
from .log import Action, add_actions


def only_commit(table_id: str, schema: str, files: Files) -> list[Action]:
    """Return the actions of a log that has one commit, which adds all the files."""
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
        *add_actions(files.sizes, files.rows, changes_data=True),
    ]
