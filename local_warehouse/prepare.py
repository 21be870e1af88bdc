"""Prepare statements, and keep them for later executions of the same text."""

from __future__ import annotations

import threading

from cachetools import LRUCache
from sqlglot import exp

from local_warehouse.sql import atomic_block
from local_warehouse.sql.expand import expand
from local_warehouse.sql.lookups import Lookups
from local_warehouse.sql.markers import mark_values
from local_warehouse.sql.names import Access, Catalog, Namespace, Resolver
from local_warehouse.sql.parsing import parse, tokenize
from local_warehouse.sql.template import Markers
from local_warehouse.statements.atomic_block import Block
from local_warehouse.statements.atomic_block import prepare as prepare_block
from local_warehouse.statements.query import Query
from local_warehouse.statements.write import Write

from .commands import Command, find_command
from .errors import unsupported
from .result_cache import is_repeatable
from .statements import prepare_write

# Enough for the statements that the CRM sends again and again; each takes 20 kB. Many others name
# a version of a table and come once.
KEPT = 256
WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


Prepared = Query | Write | Block | Command
Key = tuple[str, Namespace]  # the text, and the session's namespace


class Preparer:
    """Prepares statements, and keeps the ``size`` most recently used ones.

    A prepared statement serves as long as the names in it mean the same, unchanged objects.
    """

    def __init__(self, catalog: Catalog, size: int = KEPT) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._known: LRUCache[Key, tuple[Prepared, Lookups]] = LRUCache(size)

    def prepare(self, sql: str, namespace: Namespace, access: Access) -> Prepared:
        """Return the prepared statement. Raises SqlError.

        It may have been prepared for another user: the caller must check its ``needs``.
        """
        with self._lock:
            known = self._known.get((sql, namespace))
        if known is not None and known[1].are_current():
            return known[0]
        lookups = Lookups(self._catalog)
        prepared = self._prepare(sql, Resolver(namespace, lookups, access))
        with self._lock:
            self._known[sql, namespace] = prepared, lookups
        return prepared

    def _prepare(self, sql: str, resolver: Resolver) -> Prepared:
        tokens = tokenize(sql)
        if (parts := atomic_block.parts(sql, tokens)) is not None:
            return self._prepare_block(parts, resolver)
        if command := find_command(tokens):
            return command
        return self._prepare_tree(parse(sql, tokens), resolver)

    def _prepare_block(self, parts: tuple[atomic_block.Part, ...], resolver: Resolver) -> Block:
        trees = [(atomic_block.read(part), part.parameters) for part in parts]
        return prepare_block(
            (
                (self._prepare_tree(tree, resolver.anew()), parameters)
                for tree, parameters in trees
            ),
            resolver.catalog,
        )

    def _prepare_tree(self, tree: exp.Expr, resolver: Resolver) -> Query | Write:
        if tree.find(exp.Collate):
            raise unsupported("COLLATE")
        markers = Markers()
        mark_values(tree, resolver, markers)
        if isinstance(tree, WRITES):
            return prepare_write.prepare(tree, resolver, markers)
        if not isinstance(tree, exp.Query):
            raise unsupported(f"this statement ({type(tree).__name__.upper()})")
        expand(tree, resolver, markers)
        template = markers.template(tree)
        return Query(template, tuple(resolver.needs), is_repeatable(template))
