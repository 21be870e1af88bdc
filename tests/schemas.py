"""Schemas for tests: a test that only reads leaves its schema to the next one."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crm import sample_data
from crm.model.namespace import Namespace
from crm.model.schema import OPERATIONS, TABLES
from crm.repository import ddl
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse, open_shared

if TYPE_CHECKING:
    from .conftest import LocalWarehouse

ACTOR = "alice@example.com"
CATALOG = "edip_test"
READ = re.compile(r"\s*(SELECT|WITH|DESCRIBE|SHOW)\b", re.IGNORECASE)


@dataclass
class Schemas:
    """Schemas with empty tables or with the sample data, each given to one test at a time.

    A schema in which a test only read serves the next test; the statement log tells. One in
    which a test wrote is dropped. New ones are copies of one that was created by statements.
    """

    server: LocalWarehouse
    _originals: dict[bool, Namespace] = field(default_factory=dict)
    _unused: dict[bool, list[Namespace]] = field(default_factory=lambda: {True: [], False: []})

    def open(self, namespace: Namespace) -> Warehouse:
        return open_shared(self.server.config(), namespace, ACTOR)

    @contextmanager
    def lend(self, with_sample: bool) -> Iterator[Namespace]:
        unused = self._unused[with_sample]
        namespace = unused.pop() if unused else self._copy(with_sample)
        before = self.server.last()
        yield namespace
        if self._was_written(namespace, before):
            drop = f"DROP SCHEMA IF EXISTS {namespace.quoted_schema} CASCADE"
            self.open(namespace).execute(drop, repeatable=True)
        else:
            unused.append(namespace)

    def _copy(self, with_sample: bool) -> Namespace:
        if with_sample not in self._originals:
            self._originals[with_sample] = self._create(with_sample)
        return self.server.copy_schema(self._originals[with_sample], _unique_name())

    def _create(self, with_sample: bool) -> Namespace:
        namespace = Namespace(CATALOG, _unique_name())
        wh = self.open(namespace)
        for statement in (
            ddl.create_catalog(namespace),
            ddl.create_schema(namespace),
            *(ddl.create_table(table, namespace) for table in (*TABLES, OPERATIONS)),
        ):
            wh.execute(statement, repeatable=True)
        if with_sample:
            for table, rows in sample_data.rows(dt.datetime.now(dt.UTC).date()).items():
                insert_missing(wh, table, rows)
        return namespace

    def _was_written(self, namespace: Namespace, before: int) -> bool:
        ran = self.server.statements(after=before)
        is_whole = len(ran) == self.server.last() - before
        return not is_whole or any(
            namespace.schema in entry["text"] and not READ.match(entry["text"]) for entry in ran
        )


def _unique_name() -> str:
    return f"t_{uuid.uuid4().hex[:12]}"
