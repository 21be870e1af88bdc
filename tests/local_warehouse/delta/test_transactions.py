"""Transactions: commits to several tables become visible together, over a kill at any point."""

from __future__ import annotations

import errno
import os
import resource
import threading
from pathlib import Path

import pytest

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import Table
from local_warehouse.delta import log, transactions
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.transactions import Publication, TableCommit, Transactions
from local_warehouse.errors import SqlError
from tests.patience import seconds

NAMES = ("one", "two")
INFO = {"commitInfo": {"operation": "WRITE"}}


class Killed(BaseException):
    """Nothing catches it: the process ends here."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A warehouse's folder with two tables that have one version."""
    catalog = Catalog(tmp_path)
    catalog.create_catalog("c", None, "owner")
    catalog.create_schema("c", "s", None, "owner")
    for name in NAMES:
        table = Table("c", "s", name, [], "owner", id=f"t_{name}")
        (catalog.location(table) / "_delta_log").mkdir(parents=True)
        log.commit(catalog.location(table), 0, [INFO])
        catalog.add_table(table)
    return tmp_path


def start(folder: Path) -> tuple[Transactions, Catalog, Commits]:
    catalog = Catalog(folder)
    commits = Commits(catalog, folder)
    return Transactions(catalog, commits, folder), catalog, commits


def commit(started: Transactions) -> None:
    started.commit((TableCommit(f"t_{name}", 1, "ann", "statement"), [INFO]) for name in NAMES)


def dying_after(calls: int):
    """Return a decorator of functions that kill the process after so many calls of any."""
    count = iter(range(calls))

    def decorate(function):
        def call(*args, **kwargs):
            if next(count, None) is None:
                raise Killed
            return function(*args, **kwargs)

        return call

    return decorate


# Two commits and the journal are written; the journal gets its name (this is the commit); then two
# commits get theirs, and a note of who made them; then the journal goes.
@pytest.mark.parametrize("survived", range(9))
def test_a_kill_at_any_point_leaves_all_or_nothing(folder, monkeypatch, survived):
    started, _, _ = start(folder)
    dying = dying_after(survived)
    with monkeypatch.context() as patch:
        for owner, name in ((os, "fsync"), (os, "rename"), (Commits, "record"), (Path, "unlink")):
            patch.setattr(owner, name, dying(getattr(owner, name)))
        with pytest.raises(Killed):
            commit(started)
    started, catalog, commits = start(folder)
    tables = [catalog.find("c", "s", name) for name in NAMES]
    committed = survived > 3
    assert [commits.version(table) for table in tables] == [int(committed)] * 2
    assert [list(commits.makers(table)) for table in tables] == [[1] if committed else []] * 2
    assert not list(folder.glob("transactions/*"))
    assert not list(folder.glob("tables/*/_delta_log/.*"))
    if not committed:
        commit(started)
        assert [commits.version(table) for table in tables] == [1, 1]


@pytest.mark.timeout(20)  # readers that are not refused wait
@pytest.mark.parametrize(
    ("owner", "name", "call"), [(os, "rename", 2), (Commits, "record", 1), (Path, "unlink", 0)]
)
def test_nobody_reads_a_half_while_the_disk_fails(folder, monkeypatch, owner, name, call):
    """Two of the calls fail. Then the disk works again, and the transaction is whole."""
    started, catalog, commits = start(folder)
    monkeypatch.setattr(transactions, "PAUSE", 0.0)
    tables = [catalog.find("c", "s", each) for each in NAMES]
    working, calls, refused = getattr(owner, name), iter(range(100)), []

    def failing(*args, **kwargs):
        number = next(calls)
        if number == call + 1:
            with pytest.raises(SqlError, match="No space left"), started.publication.reading():
                pass
            refused.append(number)
        if number in (call, call + 1):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return working(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing)
        commit(started)
    assert refused
    with started.publication.reading():
        assert [commits.version(table) for table in tables] == [1, 1]
    assert [list(commits.makers(table)) for table in tables] == [[1], [1]]
    assert not list(folder.glob("transactions/*"))


@pytest.mark.timeout(20)
def test_a_stop_ends_the_tries_and_the_next_start_publishes(folder, monkeypatch):
    started, _, _ = start(folder)
    started.stop()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Commits, "record", full)
        with pytest.raises(OSError, match="No space left"):
            commit(started)
    _, catalog, commits = start(folder)
    tables = [catalog.find("c", "s", each) for each in NAMES]
    assert [commits.version(table) for table in tables] == [1, 1]
    assert [list(commits.makers(table)) for table in tables] == [[1], [1]]


def test_a_full_disk_leaves_no_part_of_a_note(folder):
    _, catalog, commits = start(folder)
    table = catalog.find("c", "s", "one")
    commits.record(table, 1, "ann", "statement")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = commits._file(table).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 3, hard))
    try:
        with pytest.raises(OSError, match="No space left"):
            commits.record(table, 2, "ann", "statement")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(commits.makers(table)) == [1]
    commits.record(table, 3, "ann", "statement")
    _, _, commits = start(folder)
    assert list(commits.makers(table)) == [1, 3]


def test_a_transaction_waits_for_readers_and_comes_before_later_ones():
    publication, order = Publication(), []

    def do(name, held):
        with held:
            order.append(name)

    with publication.reading():
        publisher = threading.Thread(target=do, args=("transaction", publication.publishing()))
        publisher.start()
        while not publication._publishers:
            pass
        reader = threading.Thread(target=do, args=("later reader", publication.reading()))
        reader.start()
        order.append("reader")
    for thread in (publisher, reader):
        thread.join(seconds(10))
    assert order == ["reader", "transaction", "later reader"]
