"""Schemas with the CRM's tables, for tests that read or write them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crm import sample_data
from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import TABLES
from crm.repository import ddl
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse, open_shared

from .control import LocalWarehouse

ACTOR = "alice@example.com"
CATALOG = "edip_test"
# The day of the sample data. A run of the tests may go on after midnight.
SAMPLE_DAY = dt.datetime.now(dt.UTC).date()
READ = re.compile(r"\s*(SELECT|WITH|DESCRIBE|SHOW)\b", re.IGNORECASE)
CHANGE_OF_ROWS = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE|BEGIN ATOMIC)\b", re.IGNORECASE)


def _insert_sample(wh: Warehouse) -> None:
    for table, rows in sample_data.rows(SAMPLE_DAY).items():
        insert_missing(wh, table, rows)


def _allow_transactions(wh: Warehouse) -> None:
    for table in TABLES:
        feature = dict([ddl.CATALOG_MANAGED])
        wh.execute(ddl.set_properties(table, feature, wh.namespace), repeatable=True)


EMPTY = "empty tables"
# What fills the tables, by the name of the fixture that asks for it: a name that no other fixture
# of any test has.
CONTENTS: dict[str, Callable[[Warehouse], None]] = {
    EMPTY: lambda wh: None,
    "sample": _insert_sample,
    "with_transactions": _allow_transactions,
}


@dataclass
class Schemas:
    """Schemas with the CRM's tables, each given to one test at a time.

    The statement log tells what a test did. A schema in which it only read serves the next test;
    one in which it changed rows does so after a reset; any other one is dropped. New ones are
    copies of one that was filled by statements.
    """

    server: LocalWarehouse
    _originals: dict[str, Namespace] = field(default_factory=dict)
    _unused: dict[str, list[Namespace]] = field(default_factory=lambda: defaultdict(list))
    _seen: int = 0  # the number of the last statement that was looked at

    def open(self, namespace: Namespace) -> Warehouse:
        return open_shared(self.server.config(), namespace, ACTOR)

    @contextmanager
    def lend(self, content: str) -> Iterator[Namespace]:
        unused = self._unused[content]
        namespace = unused.pop() if unused else self._copy(content)
        before = self._seen
        yield namespace
        writes = self._writes(namespace, before)
        if writes is None or not all(map(_is_change_of_rows, writes)):
            drop = f"DROP SCHEMA IF EXISTS {namespace.quoted_schema} CASCADE"
            self.open(namespace).execute(drop, repeatable=True)
            return
        if writes:
            self.server.reset_schema(self._originals[content], namespace)
        unused.append(namespace)

    def _copy(self, content: str) -> Namespace:
        if content not in self._originals:
            self._originals[content] = self._create() if content == EMPTY else self._fill(content)
        return self.server.copy_schema(self._originals[content], _unique_name())

    def _create(self) -> Namespace:
        namespace = Namespace(CATALOG, _unique_name())
        wh = self.open(namespace)
        for statement in (
            ddl.create_catalog(namespace),
            ddl.create_schema(namespace),
            *(ddl.create_table(table, namespace) for table in ALL_TABLES),
        ):
            wh.execute(statement, repeatable=True)
        return namespace

    def _fill(self, content: str) -> Namespace:
        """Fill a copy of the empty tables, because creating tables takes longer."""
        namespace = self._copy(EMPTY)
        CONTENTS[content](self.open(namespace))
        return namespace

    def _writes(self, namespace: Namespace, before: int) -> list[dict[str, Any]] | None:
        """Return the statements that did more than read; None if some are unknown."""
        ran = self.server.statements(after=before)
        self._seen = ran[-1]["number"] if ran else before
        if len(ran) != self._seen - before:
            return None
        return [
            entry
            for entry in ran
            if namespace.schema in entry["text"] and not READ.match(entry["text"])
        ]


def _is_change_of_rows(entry: dict[str, Any]) -> bool:
    """Whether a statement has changed rows, if any, and nothing else.

    The engine may go on with one that was cancelled.
    """
    has_ended = entry["status"] in ("FINISHED", "ERROR")
    return has_ended and CHANGE_OF_ROWS.match(entry["text"]) is not None


def _unique_name() -> str:
    return f"t_{uuid.uuid4().hex[:12]}"
