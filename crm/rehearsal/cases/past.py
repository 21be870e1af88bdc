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
    for table in restore_tables.in_order(clones):
        missing = restore_tables.missing_columns(wh, table, clones[table])
        restore_tables.restore_clone(wh, table, clones[table], missing)
    restore_tables.restore_version(wh, ACCOUNTS, before[ACCOUNTS])
    again = accounts.get(wh, KEY)
    backups.remove(wh, home, [found])
    is_undone = again is not None and again.value("vp") == "Somebody"
    return f"accounts {counts[ACCOUNTS]}, undone: {is_undone}"


CASES = (
    Case("history", _history),
    Case("how far the history reaches", _reach),
    Case("recent changes", _recent),
    Case("as of a moment, and what changed since", _as_of),
    Case("backup", _back_up),
    Case("restore", _restore),
)
