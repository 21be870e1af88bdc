"""From SQL text to a prepared statement, kept for the next time the same text comes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from sqlglot import exp

from . import writes
from .catalog import Catalog, Table
from .commands import Command, find_command
from .errors import unsupported
from .names import Namespace, rewrite_tables
from .parsing import parse
from .template import Markers, Template

WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


@dataclass(frozen=True)
class Query:
    """A statement that only reads."""

    template: Template
    tables: tuple[Table, ...]


Prepared = Query | writes.Write | Command


class Preparer:
    """Prepares statements and remembers the latest ``size`` of them."""

    def __init__(self, catalog: Catalog, size: int = 512) -> None:
        self._catalog = catalog
        self._size = size
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple, Prepared] = OrderedDict()

    def prepare(self, sql: str, namespace: Namespace) -> Prepared:
        """Raises SqlError: syntax, unknown table, or something not supported here."""
        key = (sql, namespace, self._catalog.version)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        prepared = self._prepare(sql, namespace)
        with self._lock:
            self._known[key] = prepared
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return prepared

    def _prepare(self, sql: str, namespace: Namespace) -> Prepared:
        if command := find_command(sql):
            return command
        tree = parse(sql)
        markers = Markers()
        mark_values(tree, namespace, markers)
        if isinstance(tree, WRITES):
            return writes.prepare(tree, namespace, self._catalog, markers)
        if not isinstance(tree, exp.Query):
            raise unsupported(f"this statement ({type(tree).__name__.upper()})")
        tables = rewrite_tables(tree, namespace, self._catalog, markers)
        return Query(markers.template(tree), tuple(tables))


def mark_values(tree: exp.Expression, namespace: Namespace, markers: Markers) -> None:
    """Put markers where parameters and the session's functions stand."""
    position = 0
    for node in list(tree.dfs()):
        if isinstance(node, exp.Placeholder):
            if node.this:
                node.replace(markers.value("named", node.name))
            else:
                node.replace(markers.value("positional", position))
                position += 1
        elif isinstance(node, exp.CurrentUser | exp.SessionUser) or _is_call(node, "USER"):
            node.replace(markers.value("user", ""))
        elif isinstance(node, exp.CurrentCatalog):
            node.replace(exp.Literal.string(namespace.catalog))
        elif isinstance(node, exp.CurrentSchema | exp.CurrentDatabase):
            node.replace(exp.Literal.string(namespace.schema))


def _is_call(node: exp.Expression, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() == name
