"""The data files that a version of a table consists of."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable

from .catalog import Column
from .errors import unsupported

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
    kind = field["type"]
    if not isinstance(kind, str):
        raise unsupported(f"bringing back the column {field['name']}, whose type is nested")
    type_ = kind.upper() if kind.startswith("decimal") else _TYPES[kind]
    return Column(field["name"], type_, field["nullable"], field["metadata"].get("comment"))
