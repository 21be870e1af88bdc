"""Engine SQL with holes: prepared once per statement text, filled in per execution.

While a statement's tree is rewritten, everything that differs between executions (parameters,
the session's user, system tables) is replaced by a marker; the generated SQL is then
split at the markers, so that no value ever passes through the SQL parser.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from sqlglot import exp

DIALECT = "databricks"
# All tables live in one engine database, each under its own id: only the warehouse knows their
# names, catalogs and schemas.
DATABASE = "warehouse"


def engine_name(table_id: str) -> str:
    """Return the name of a table in engine SQL."""
    return f"{DATABASE}.{table_id}"


@dataclass(frozen=True)
class Hole:
    """What goes here: ``kind`` is named, positional, user, groups, system, past, version,
    changes or changes_range.

    ``key`` is the name or position; for past a names.PastTable, for changes names.TableChanges.
    """

    kind: str
    key: Hashable


@dataclass(frozen=True)
class Template:
    pieces: tuple[str | Hole, ...]

    def fill(self, value_of: Callable[[Hole], str]) -> str:
        return "".join(p if isinstance(p, str) else value_of(p) for p in self.pieces)

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Hole))

    @property
    def is_one_hole(self) -> bool:
        return len(self.pieces) == 1 and isinstance(self.pieces[0], Hole)


class Markers:
    """Hands out markers for one statement and splits generated SQL at them."""

    def __init__(self) -> None:
        self._stem = f"hole_{secrets.token_hex(8)}_"
        self._holes: list[Hole] = []

    def identifier(self, kind: str, key: Hashable) -> exp.Identifier:
        self._holes.append(Hole(kind, key))
        return exp.Identifier(this=f"{self._stem}{len(self._holes) - 1}_", quoted=False)

    def value(self, kind: str, key: Hashable) -> exp.Column:
        return exp.Column(this=self.identifier(kind, key))

    def template(self, tree: exp.Expression) -> Template:
        return self.split(tree.sql(dialect=DIALECT))

    def split(self, sql: str) -> Template:
        parts = re.split(f"{self._stem}(\\d+)_", sql)
        pieces = [p if i % 2 == 0 else self._holes[int(p)] for i, p in enumerate(parts)]
        return Template(tuple(piece for piece in pieces if piece != ""))
