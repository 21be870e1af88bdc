"""The past: history, change feed, as of a moment, differences, backup and restore."""

from __future__ import annotations

import datetime as dt

from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import ddl, versions
from crm.repository.past import diff, history, recent_changes, restore_tables
from crm.repository.past.history import Wanted
from crm.repository.records import accounts
from crm.repository.tables import backups, change_feed

from .changes import KEY
from .stage import Case, Stage


def _history(stage: Stage) -> str:
    wh = stage.wh
    whole = history.load(wh, Wanted(size=20, is_gathered=True))
    one = history.load(wh, Wanted(bsnid=KEY, size=500))
    outside = {change.outside for change in one.changes}
    return f"{len(whole.changes)} on a page, outside: {sorted(map(str, outside))}"


def _older_history(stage: Stage) -> str:
    """Pages of older changes, and each filter."""
    wh = stage.wh
    first = history.load(wh, Wanted(size=5, is_gathered=True))
    older = history.load(wh, Wanted(size=5, after=first.older)) if first.older else first
    now = dt.datetime.now(dt.UTC)
    narrowed = Wanted(person=wh.actor, kind="changed", table=ACCOUNTS.name, field="team")
    filters = (
        narrowed,
        Wanted(operation=older.changes[0].operation),
        Wanted(since=now - dt.timedelta(days=1), until=now, person=history.OUTSIDE),
    )
    counts = [bool(history.load(wh, wanted).changes) for wanted in filters]
    version = versions.known(wh).commits[ACCOUNTS][-1].version
    made_by = versions.committers(wh, [(ACCOUNTS, version)])
    return f"{len(older.changes)} older, found {counts}, by somebody: {all(made_by.values())}"


def _reach(stage: Stage) -> str:
    return f"known: {change_feed.known_since(stage.wh) is not None}"


def _recent(stage: Stage) -> str:
    wh = stage.wh
    seen = {table.name: 1 for table in TABLES}
    found = recent_changes.changes_since(wh, seen)
    recent_changes.versions_before(wh, dt.timedelta(minutes=1))
    return f"any: {bool(found)}"


def _as_of(stage: Stage) -> str:
    wh = stage.wh
    commits = versions.load(wh).commits
    moment = commits[ACCOUNTS][-2].moment
    first = max(commits[table][0].moment for table in TABLES)
    past = versions.as_of(wh, max(moment, first))
    then = accounts.get(past, KEY)
    changes = diff.find_changes(past)
    diff.find_changes(past, KEY)
    return f"found: {then is not None}, changes: {bool(changes)}"


def _back_up(stage: Stage) -> str:
    wh, home = stage.wh, stage.backups
    backups.create_home(wh, home)
    made = backups.create(wh, home, ddl.VERSION)
    stage.facts["backup"] = made.id
    return f"{len(made.tables)} clones, {len(backups.list_backups(wh, home))} listed"


def _restore(stage: Stage) -> str:
    wh, home = stage.wh, stage.backups
    found = backups.get(wh, home, stage.facts["backup"])
    account = accounts.get(wh, KEY)
    assert account
    accounts.update(wh, KEY, {"vp": "Somebody"}, account.updated_at)
    before = restore_tables.latest_versions(wh)
    clones = backups.clone_names(wh, home, found)
    counts = restore_tables.preview(wh, clones)
    restore_tables.unknown_columns(wh, ACCOUNTS, clones[ACCOUNTS])
    restore_tables.latest_versions_of_existing(wh)
    for table in restore_tables.in_order(clones):
        missing = restore_tables.missing_columns(wh, table, clones[table])
        restore_tables.restore_clone(wh, table, clones[table], missing)
    restore_tables.restore_version(wh, ACCOUNTS, before[ACCOUNTS])
    again = accounts.get(wh, KEY)
    backups.remove_failed(wh, home, dt.datetime.now(dt.UTC))
    backups.remove(wh, home, [found])
    is_undone = again is not None and again.value("vp") == "Somebody"
    return f"accounts {counts[ACCOUNTS]}, undone: {is_undone}"


CASES = (
    Case("history", _history),
    Case("older history and its filters", _older_history, rows_vary=True),
    Case("how far the history reaches", _reach),
    Case("recent changes", _recent),
    Case("as of a moment, and what changed since", _as_of),
    Case("backup", _back_up),
    Case("restore", _restore),
)
