"""The objects that one statement found in the catalog by their names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from local_warehouse.catalog.objects import Function, Table

from .names import Catalog

Path = tuple[str, str, str]  # catalog, schema, name


@dataclass
class Lookups:
    """Finds tables and functions, and remembers what it found."""

    _catalog: Catalog
    _tables: dict[Path, tuple[Table | None, int]] = field(default_factory=dict)  # with epochs
    _functions: dict[Path, Function | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.unity = self._catalog.unity

    def find(self, catalog: str, schema: str, name: str) -> Table | None:
        found = self._catalog.find(catalog, schema, name)
        self._tables.setdefault((catalog, schema, name), (found, _epoch(found)))
        return found

    def find_function(self, catalog: str, schema: str, name: str) -> Function | None:
        found = self._catalog.find_function(catalog, schema, name)
        self._functions.setdefault((catalog, schema, name), found and replace(found))
        return found

    def are_current(self) -> bool:
        """Whether the catalog would give the same objects now, none of them changed since."""
        return (
            self.unity == self._catalog.unity
            and all(
                self._catalog.find(*path) is table and _epoch(table) == epoch
                for path, (table, epoch) in self._tables.items()
            )
            and all(
                self._catalog.find_function(*path) == function
                for path, function in self._functions.items()
            )
        )


def _epoch(table: Table | None) -> int:
    return -1 if table is None else table.epoch
