"""The data files that a version of a table consists of."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from deltalake import DeltaTable


@dataclass(frozen=True)
class Files:
    """Data files; ``sizes`` maps their paths to their sizes in bytes."""

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
