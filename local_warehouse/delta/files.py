"""The data files that a version of a table consists of."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
from deltalake import DeltaTable


@dataclass(frozen=True)
class Files:
    """Data files; ``sizes`` maps their paths to their sizes in bytes.

    ``rows`` maps them to their numbers of rows, where the log has these. From them the engine
    counts the rows that a DELETE of whole files deletes.
    """

    sizes: dict[str, int]
    rows: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, table: DeltaTable) -> Files:
        columns = ["path", "size_bytes", "num_records"]
        actions = pa.table(table.get_add_actions())
        actions = actions.select([name for name in columns if name in actions.column_names])
        files = actions.to_pylist()
        return cls(
            {file["path"]: file["size_bytes"] for file in files},
            {file["path"]: n for file in files if (n := file.get("num_records")) is not None},
        )

    @property
    def size(self) -> int:
        return sum(self.sizes.values())

    def __len__(self) -> int:
        return len(self.sizes)

    def __sub__(self, other: Files) -> Files:
        sizes = {path: n for path, n in self.sizes.items() if path not in other.sizes}
        return Files(sizes, {path: n for path, n in self.rows.items() if path in sizes})
