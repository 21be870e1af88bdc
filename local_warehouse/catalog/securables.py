"""What privileges are about: the securable objects, and which privileges each kind has."""

from __future__ import annotations

from dataclasses import dataclass

from local_warehouse.errors import SqlError

from .objects import CatalogEntry, Function, Metastore, Schema, Table

ALL = "ALL PRIVILEGES"
MANAGE = "MANAGE"
_TABLE = ("SELECT", "MODIFY", MANAGE, ALL)
_FUNCTION = ("EXECUTE", MANAGE, ALL)
_SCHEMA = ("USE SCHEMA", "CREATE TABLE", "CREATE FUNCTION", "EXECUTE", *_TABLE)
APPLICABLE = {
    "METASTORE": ("CREATE CATALOG",),
    "CATALOG": ("USE CATALOG", "BROWSE", "CREATE SCHEMA", *_SCHEMA),
    "SCHEMA": _SCHEMA,
    "TABLE": _TABLE,
    "FUNCTION": _FUNCTION,
}
LEVELS = ("CATALOG", "SCHEMA")
Securable_ = Metastore | CatalogEntry | Schema | Table | Function


@dataclass(frozen=True)
class Securable:
    """What a privilege is about; ``path`` is its qualified name, in lower case."""

    kind: str
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def parents(self) -> tuple[Securable, ...]:
        """What it lies in, the catalog first."""
        levels = zip(LEVELS, range(1, len(self.path)), strict=False)
        return tuple(Securable(kind, self.path[:depth]) for kind, depth in levels)

    def __str__(self) -> str:
        return f"{self.kind.capitalize()} '{self.name}'" if self.path else "Metastore 'local'"


METASTORE = Securable("METASTORE")


def catalog_(name: str) -> Securable:
    return Securable("CATALOG", (name.lower(),))


def schema_(catalog: str, name: str) -> Securable:
    return Securable("SCHEMA", (catalog.lower(), name.lower()))


def object_(found: Table | Function) -> Securable:
    kind = "TABLE" if isinstance(found, Table) else "FUNCTION"
    return Securable(kind, (found.catalog, found.schema, found.name))


@dataclass(frozen=True)
class Need:
    """What a statement needs each time it runs; of its user, or of a function's owner."""

    privilege: str
    securable: Securable
    definer: str | None = None


def insufficient(privilege: str, securable: Securable) -> SqlError:
    return SqlError(
        "INSUFFICIENT_PERMISSIONS",
        f"Insufficient privileges: User does not have {privilege} on {securable}.",
        "42501",
    )
