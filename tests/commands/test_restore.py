"""Tables are restored exactly, to a backup, to a moment or to versions."""

from __future__ import annotations

import datetime as dt
import io
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.model.as_of_address import format_moment
from crm.model.namespace import Namespace
from crm.model.schema import TABLES
from crm.repository import _writing, ddl
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, Statements
from ..schemas import READ
from .backing_up import damage, described, ids, run, state, table_names

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"backup": "20200101t000000z"}, "There is no backup 20200101t000000z"),
    ({"backup": "x; DROP TABLE accounts"}, "There is no backup x"),
    ({"to_time": "soon"}, "--to-time needs a time"),
    ({"to_time": "2001-01-01"}, "did not exist yet"),
    ({"to_time": "2999-01-01"}, "is in the future"),
    ({"to_version": ["secrets=1"]}, "--to-version needs TABLE=VERSION"),
    ({"to_version": ["accounts=999"]}, "has no version 999 yet"),
]


def test_a_backup_is_taken_listed_and_restored(
    sample: Warehouse, home: Namespace, server: LocalWarehouse
) -> None:
    assert "no backup yet" in run("backup", "--list")
    before = state(sample)
    printed = run("backup")
    (taken,) = ids(printed)
    assert "made and verified" in printed
    assert f"{before['accounts'][0]} accounts" in printed
    assert taken in run("backup", "--list")
    damage(sample)
    damaged = state(sample)
    stops_half_way_and_says_the_way_back(sample, taken, damaged, server)

    printed = run("restore", "--dry-run", backup=taken)
    assert "accounts: 1 removed, 1 restored, 1 changed" in printed
    assert "use cases: 1 removed" in printed
    assert state(sample) == damaged

    printed = run("restore", "--yes", backup=taken)
    assert state(sample) == before
    # The command that it printed reverses it.
    undo = printed.split("manage.py restore ")[1].splitlines()[0].split()
    run("restore", "--yes", *undo)
    assert state(sample) == damaged
    # Into other tables: tests/apps/test_walk.py.


def test_tables_that_are_gone_come_back(sample: Warehouse, home: Namespace) -> None:
    before, description = state(sample), described(sample)
    (taken,) = ids(run("backup"))
    for table in reversed(TABLES):
        sample.execute(f"DROP TABLE {sample.namespace.table(table)}", repeatable=True)
    assert "all rows of backup" in run("restore", "--dry-run", backup=taken)
    printed = run("restore", "--yes", backup=taken)
    assert "Grant the rights on the created tables again" in printed
    assert state(sample) == before
    assert described(sample) == description  # with their keys
    assert accounts.get(sample, "BSN001") is not None


def test_restore_to_a_time_restores_only_what_has_changed(
    sample: Warehouse, statements: Statements
) -> None:
    """Delta refuses to restore a table to its present version."""
    before = state(sample)
    time.sleep(0.05)
    moment = format_moment(dt.datetime.now(dt.UTC))
    time.sleep(0.05)
    account = accounts.get(sample, "BSN001")
    accounts.update(sample, "BSN001", {"team": "Broken"}, account.updated_at)
    accounts.create(sample, {"bsnid": "BSN999", "team": "T", "business_area": "A"})
    with statements() as done:
        printed = run("restore", "--yes", to_time=moment)
    assert "accounts: 1 removed, 0 restored, 1 changed" in printed
    assert len([text for text in done if text.startswith("RESTORE")]) == 1
    assert "use_cases: nothing to restore, it has not changed since" in printed
    assert state(sample) == before


def stops_half_way_and_says_the_way_back(
    sample: Warehouse, taken: str, damaged: dict, server: LocalWarehouse
) -> None:
    server.fault("expired_token", times=None, match="MERGE INTO .*use_cases")
    output = io.StringIO()
    with pytest.raises(CommandError):
        call_command("restore", "--yes", backup=taken, stdout=output)
    server.clear_faults()
    assert state(sample) != damaged
    undo = output.getvalue().split("manage.py restore ")[1].splitlines()[0].split()
    run("restore", "--yes", *undo)
    assert state(sample) == damaged


def test_the_way_back_names_the_tables_place(
    sample: Warehouse, home: Namespace, settings: Any
) -> None:
    schema = settings.NAMESPACE.schema
    settings.NAMESPACE = Namespace()
    where = {"catalog": sample.namespace.catalog, "schema": schema}
    printed = run("restore", "--yes", to_version=["accounts=0"], **where)
    assert f" --catalog {where['catalog']} --schema {schema}\n" in printed


def test_one_table_that_is_gone(sample: Warehouse, home: Namespace) -> None:
    before = state(sample)
    (taken,) = ids(run("backup"))
    moment = format_moment(dt.datetime.now(dt.UTC))
    damage(sample)
    sample.execute(f"DROP TABLE {sample.namespace.table(TABLES[2])}", repeatable=True)
    printed = run("restore", "--dry-run", backup=taken)
    assert "accounts: 1 removed, 1 restored, 1 changed" in printed
    assert (
        f"use cases: the table does not exist; all rows of backup {taken} are restored" in printed
    )
    for option in ({"to_time": moment}, {"to_version": ["use_cases=1"]}):
        with pytest.raises(CommandError, match="use_cases: the table does not exist"):
            run("restore", "--yes", **option)
    printed = run("restore", "--yes", backup=taken)
    assert "use_cases does not exist now" in printed
    assert "--to-version updates=" in printed
    assert "--to-version use_cases=" not in printed
    assert state(sample) == before


def test_what_cannot_be_restored_changes_nothing(
    sample: Warehouse, home: Namespace, statements: Statements
) -> None:
    with statements() as done:
        for options, printed in REFUSED:
            with pytest.raises(CommandError, match=printed):
                run("restore", "--yes", **options)
    assert not [text for text in done if not READ.match(text)]

    (taken,) = ids(run("backup"))
    sample.execute(f"DELETE FROM {sample.namespace.table(TABLES[0])}", repeatable=True)
    with statements() as done:
        refuses_tables_of_a_later_version(sample, taken)
        refuses_a_backup_whose_clone_is_gone(sample, home, taken)
    writes = [text for text in done if not READ.match(text)]
    assert all(text.startswith(("ALTER TABLE", "DROP TABLE")) for text in writes), writes
    assert len(writes) == 2


def refuses_a_backup_whose_clone_is_gone(sample: Warehouse, home: Namespace, taken: str) -> None:
    (clone,) = [name for name in table_names(sample, home) if name.startswith("updates__")]
    sample.execute(f"DROP TABLE {home.quoted_schema}.`{clone}`", repeatable=True)
    with pytest.raises(CommandError, match="The clone of updates .* does not exist any more"):
        run("restore", "--yes", backup=taken)


def refuses_tables_of_a_later_version(sample: Warehouse, taken: str) -> None:
    later = {ddl.VERSION_PROPERTY: str(ddl.VERSION + 1)}
    sample.execute(ddl.set_properties(TABLES[0], later, sample.namespace), repeatable=True)
    _writing.forget_all()
    for option in ({"backup": taken}, {"to_version": ["accounts=1"]}):
        with pytest.raises(CommandError, match="of a later version"):
            run("restore", "--yes", **option)


def test_restore_asks_first(
    sample: Warehouse, monkeypatch: pytest.MonkeyPatch, statements: Statements
) -> None:
    accounts.delete(sample, "BSN002")
    monkeypatch.setattr("builtins.input", lambda question: "no")
    with statements() as done, pytest.raises(CommandError, match="Nothing was changed"):
        run("restore", to_version=["accounts=1"])
    assert not [text for text in done if not READ.match(text)]
