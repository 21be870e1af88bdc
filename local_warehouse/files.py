"""The data files that a version of a table consists of."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable

from .catalog import Column

_TYPES = {
    "string": "STRING", "long": "BIGINT", "integer": "INT", "short": "SMALLINT",
    "byte": "TINYINT", "double": "DOUBLE", "float": "FLOAT", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP", "timestamp_ntz": "TIMESTAMP_NTZ",
    "binary": "BINARY",
}  # fmt: skip


@dataclass(frozen=True)
class Files:
    """Path → size in bytes."""

    sizes: dict[str, int]

    @classmethod
    def of(cls, table: DeltaTable) -> Files:
        actions = pa.table(table.get_add_actions()).select(["path", "size_bytes"]).to_pylist()
        return cls({action["path"]: action["size_bytes"] for action in actions})

    @property
    def size(self) -> int:
        return sum(self.sizes.values())

    def __len__(self) -> int:
        return len(self.sizes)

    def __sub__(self, other: Files) -> Files:
        return Files({path: n for path, n in self.sizes.items() if path not in other.sizes})


def column_of(field: dict) -> Column:
    """A field of a Delta schema as the catalog describes columns."""
    comment = field["metadata"].get("comment")
    return Column(field["name"], _type(field["type"]), field["nullable"], comment)


def _type(kind: str | dict) -> str:
    if isinstance(kind, str):
        return kind.upper() if kind.startswith("decimal") else _TYPES[kind]
    if kind["type"] == "array":
        return f"ARRAY<{_type(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"MAP<{_type(kind['keyType'])}, {_type(kind['valueType'])}>"
    members = (f"{field['name']}: {_type(field['type'])}" for field in kind["fields"])
    return f"STRUCT<{', '.join(members)}>"
