"""Engine SQL with markers: prepared once per statement text, bound to values per execution.

While a statement's tree is rewritten, a marker replaces everything that differs between
executions: parameters, the session's user, versions, system tables. The generated SQL is then
split at the markers, so that no value ever passes through the SQL parser.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks

DIALECT = "databricks"
# sqlglot itself writes NUL as \0, which the engine joins with digits after it to an octal escape.
Databricks.ESCAPED_SEQUENCES["\0"] = "\\000"
# All tables live in one engine database, each under its own id: only the warehouse knows their
# names, catalogs and schemas.
DATABASE = "warehouse"
TABLE_ID = re.compile(r"\bt_[0-9a-f]{32}\b")


def engine_name(table_id: str) -> str:
    """Return the name of a table in engine SQL."""
    return f"{DATABASE}.{table_id}"


@dataclass(frozen=True)
class Marker:
    """A place in the SQL, and the value that it gets; ``key`` depends on ``kind``.

    - named, positional: a parameter; its name or its position from 0;
    - user, groups: the session's user, or the names of the user's groups; no key;
    - system: a snapshot of a system table; its qualified name;
    - rows: a file with the rows of a query that runs before; its ``Template``;
    - now: the moment of the execution; no key;
    - version: the version of a write's target that is to be read; no key;
    - time_travel: a table as of a version; a ``names.TableVersion``;
    - changes, changes_range: the files of a change data feed, and the condition on its versions;
      a ``names.TableChanges``.
    """

    kind: str
    key: Hashable


@dataclass(frozen=True)
class Template:
    """SQL in pieces: text, and markers between it."""

    pieces: tuple[str | Marker, ...]

    def bind(self, value_of: Callable[[Marker], str]) -> str:
        """Return the SQL with ``value_of(marker)`` in the place of each marker."""
        return "".join(p if isinstance(p, str) else value_of(p) for p in self.pieces)

    @property
    def markers(self) -> tuple[Marker, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Marker))

    @property
    def is_single_marker(self) -> bool:
        return len(self.pieces) == 1 and isinstance(self.pieces[0], Marker)


class Markers:
    """Hands out markers for one statement, and splits the generated SQL at them."""

    def __init__(self) -> None:
        self._stem = f"marker_{secrets.token_hex(8)}_"
        self._markers: list[Marker] = []

    def identifier(self, kind: str, key: Hashable) -> exp.Identifier:
        """Return a new marker as an identifier, such as a table's name."""
        self._markers.append(Marker(kind, key))
        return exp.Identifier(this=f"{self._stem}{len(self._markers) - 1}_", quoted=False)

    def value(self, kind: str, key: Hashable) -> exp.Column:
        """Return a new marker as an expression."""
        return exp.Column(this=self.identifier(kind, key))

    def template(self, tree: exp.Expr) -> Template:
        """Generate the SQL of a tree, which is used up, and split it at the markers."""
        return self.split(tree.sql(dialect=DIALECT, copy=False))

    def split(self, sql: str) -> Template:
        parts = re.split(f"{self._stem}(\\d+)_", sql)
        pieces = [p if i % 2 == 0 else self._markers[int(p)] for i, p in enumerate(parts)]
        return Template(tuple(piece for piece in pieces if piece != ""))
