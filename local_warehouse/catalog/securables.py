"""Securable objects, on which privileges are granted, and the privileges of each kind."""

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
SecurableObject = Metastore | CatalogEntry | Schema | Table | Function


@dataclass(frozen=True)
class Securable:
    """The kind and the name of a securable object; ``path`` is in lower case."""

    kind: str
    path: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def parents(self) -> tuple[Securable, ...]:
        """The securables around it, the catalog first."""
        levels = zip(LEVELS, range(1, len(self.path)), strict=False)
        return tuple(Securable(kind, self.path[:depth]) for kind, depth in levels)

    def __str__(self) -> str:
        return f"{self.kind.capitalize()} '{self.name}'" if self.path else "Metastore 'local'"


METASTORE = Securable("METASTORE")


def catalog_securable(name: str) -> Securable:
    return Securable("CATALOG", (name.lower(),))


def schema_securable(catalog: str, name: str) -> Securable:
    return Securable("SCHEMA", (catalog.lower(), name.lower()))


def securable_of(found: Table | Function) -> Securable:
    kind = "TABLE" if isinstance(found, Table) else "FUNCTION"
    return Securable(kind, (found.catalog, found.schema, found.name))


@dataclass(frozen=True)
class Need:
    """A privilege that a statement needs whenever it runs.

    The statement's user needs it, or, if ``definer`` is set, the owner of a function.
    """

    privilege: str
    securable: Securable
    definer: str | None = None


def insufficient(privilege: str, securable: Securable) -> SqlError:
    return SqlError(
        "INSUFFICIENT_PERMISSIONS",
        f"Insufficient privileges: User does not have {privilege} on {securable}.",
        "42501",
    )
