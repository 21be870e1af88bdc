"""The catalog and schema of the tables, and the names by which SQL refers to them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Protocol

_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")


def quoted(name: str) -> str:
    """Return the name as an SQL identifier, in backticks. All identifiers are quoted here."""
    return "`" + name.replace("`", "``") + "`"


class Named(Protocol):
    """A table of crm/model/schema.py; the namespace needs only its name."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Namespace:
    """The catalog and schema of the tables, and the prefix of their names.

    These three are the only identifiers that come from outside, so they are checked here.
    Raises ValueError for a name with anything but letters, digits, ``_`` and ``-``.
    """

    catalog: str = "edip_crm"
    schema: str = "main"
    prefix: str = ""

    def __post_init__(self) -> None:
        for what, name in (("catalog", self.catalog), ("schema", self.schema)):
            if not _IDENTIFIER.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a {what}")
        if self.prefix and not _IDENTIFIER.fullmatch(self.prefix):
            raise ValueError(f"{self.prefix!r} cannot be a table prefix")

    @property
    def quoted_catalog(self) -> str:
        return quoted(self.catalog)

    @property
    def quoted_schema(self) -> str:
        return f"{quoted(self.catalog)}.{quoted(self.schema)}"

    def place(self, name: str) -> str:
        """Return the full name of ``prefix`` followed by ``name``, quoted for SQL."""
        return f"{self.quoted_schema}.{quoted(self.prefix + name)}"

    def table(self, table: Named) -> str:
        """Return the table's full name, quoted for SQL."""
        return self.place(table.name)

    def change_feed(self, table: Named, start: int) -> str:
        """Return the FROM item that reads the table's changes since version ``start``.

        The function takes only literals, so the version cannot be a bound parameter; the same is
        true of VERSION AS OF.
        https://docs.databricks.com/sql/language-manual/functions/table_changes
        """
        return f"table_changes('{self.table(table)}', {int(start)})"

    @property
    def present(self) -> Namespace:
        """Return the namespace of the same tables as they are now."""
        return self

    @property
    def today(self) -> dt.date:
        """Return the day (UTC) as of which the tables are read."""
        return dt.datetime.now(dt.UTC).date()


@dataclass(frozen=True)
class PastNamespace(Namespace):
    """The same tables as they were at ``moment`` (UTC).

    ``versions`` pairs each table's name with its Delta version at that moment.
    """

    versions: tuple[tuple[str, int], ...] = ()
    moment: dt.datetime = dt.datetime.min

    @property
    def today(self) -> dt.date:
        return self.moment.date()

    def table(self, table: Named) -> str:
        """Return the FROM item that reads the table's version; statements cannot write to it."""
        return f"{super().table(table)} VERSION AS OF {self._version(table)}"

    def change_feed(self, table: Named, start: int) -> str:
        """Return the FROM item that reads the changes from ``start`` up to the moment."""
        return f"table_changes('{super().table(table)}', {int(start)}, {self._version(table)})"

    @property
    def present(self) -> Namespace:
        return Namespace(self.catalog, self.schema, self.prefix)

    def _version(self, table: Named) -> int:
        return int(dict(self.versions)[table.name])
