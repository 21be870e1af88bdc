"""Commits to several tables that become visible together or not at all, even after a kill.

First the commit of each table is written beside its log, under a temporary name. Then one journal
lists all of them: from then on they are committed. Then each is renamed into its log, and the
journal is deleted. The next start finishes the journals that a kill left.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Condition, Event

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.errors import half_published

from . import log
from .commits import Commits
from .log import Action

logger = logging.getLogger(__name__)

# Seconds between tries to publish what is committed.
PAUSE = 0.5


@dataclass(frozen=True)
class TableCommit:
    """One table's part of a transaction."""

    table_id: str
    version: int
    user: str
    statement_id: str


class Publication:
    """Prevents reads from seeing a transaction in only some of its tables.

    A waiting transaction has priority over statements that arrive later.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._readers = 0
        self._publishers = 0
        self._is_publishing = False
        self._failure = ""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let no transaction publish while the block runs. The block must not wait for a table.

        Raises SqlError while a disk failure prevents the complete publication of a transaction.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._publishers or self._failure)
            if self._failure:
                raise half_published(self._failure)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Let no statement read, and no other transaction publish, while the block runs."""
        with self._changed:
            self._publishers += 1
            self._changed.wait_for(lambda: not self._readers and not self._is_publishing)
            self._is_publishing = True
        try:
            yield
        finally:
            with self._changed:
                self._publishers -= 1
                self._is_publishing = False
                self._failure = ""
                self._changed.notify_all()

    def refuse_readers(self, failure: str) -> None:
        """Refuse all statements that read, until the transaction is published."""
        with self._changed:
            self._failure = failure
            self._changed.notify_all()


class Transactions:
    """Commits transactions; its journals are in ``folder/transactions``."""

    def __init__(self, catalog: Catalog, commits: Commits, folder: Path) -> None:
        self.publication = Publication()
        self._catalog = catalog
        self._commits = commits
        self._folder = folder / "transactions"
        self._folder.mkdir(exist_ok=True)
        self._is_stopped = Event()
        self._finish_all()

    def commit(self, parts: Iterable[tuple[TableCommit, list[Action]]]) -> None:
        """Commit to all tables.

        Raises OSError if nothing was committed. If the disk fails later, it tries again until all
        is published, or until ``stop``; then the next start does it.

        The caller holds the tables, and their folders have the data files.
        """
        parts = list(parts)
        for part, actions in parts:
            _write(self._unpublished(part), log.as_text(actions))
        journal = self._folder / f"{uuid.uuid4().hex}.json"
        draft = journal.with_suffix(".tmp")
        _write(draft, json.dumps([asdict(part) for part, _ in parts]))
        with self.publication.publishing():
            os.rename(draft, journal)
            self._publish_all([part for part, _ in parts], journal)

    def stop(self) -> None:
        """End the retries of all commits."""
        self._is_stopped.set()

    def _publish_all(self, parts: Iterable[TableCommit], journal: Path) -> None:
        while True:
            try:
                self._publish(parts)
                journal.unlink(missing_ok=True)
                return
            except OSError as error:
                logger.error("a transaction is committed, but not published: %s", error)
                self.publication.refuse_readers(str(error))
                if self._is_stopped.wait(PAUSE):
                    raise

    def _publish(self, parts: Iterable[TableCommit]) -> None:
        """Publish the parts that are not published yet."""
        for part in parts:
            if (file := self._unpublished(part)).exists():
                os.rename(file, log.commit_file(self._location(part), part.version))
            table = self._catalog.by_id(part.table_id)
            if part.version not in self._commits.makers(table):
                self._commits.record(table, part.version, part.user, part.statement_id)

    def _finish_all(self) -> None:
        """After a kill, publish committed transactions and discard uncommitted ones."""
        for draft in self._folder.glob("*.tmp"):
            draft.unlink()
        for journal in self._folder.glob("*.json"):
            self._publish(TableCommit(**part) for part in json.loads(journal.read_text()))
            journal.unlink()
        for table in self._catalog.all_tables():
            for file in _unpublished_files(self._catalog.location(table)):
                file.unlink()

    def _unpublished(self, part: TableCommit) -> Path:
        return self._location(part) / "_delta_log" / f".{part.version}.transaction"

    def _location(self, part: TableCommit) -> Path:
        return self._catalog.location(self._catalog.by_id(part.table_id))


def _unpublished_files(location: Path) -> list[Path]:
    return list((location / "_delta_log").glob(".*.transaction"))


def _write(file: Path, text: str) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
