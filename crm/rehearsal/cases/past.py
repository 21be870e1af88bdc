"""The past: history, change feed, as of a moment, differences, backup and restore."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from crm.model.changes import CHANGED, Change
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import ddl, versions
from crm.repository.past import diff, history, recent_changes, restore_tables
from crm.repository.past.cursor import Cursor, Position
from crm.repository.past.history import Wanted
from crm.repository.records import accounts
from crm.repository.tables import backups, change_feed
from crm.warehouse import Warehouse

from .changes import KEY
from .stage import Case, Stage


def _history(stage: Stage) -> str:
    wh = stage.wh
    whole = history.load(wh, Wanted(size=20, is_gathered=True))
    one = history.load(wh, Wanted(bsnid=KEY, size=500))
    outside = {change.outside for change in one.changes}
    return f"{len(whole.changes)} on a page, outside: {sorted(map(str, outside))}"


def _older_history(stage: Stage) -> str:
    """Compare a page of older changes, and each filter, with one read of all changes."""
    wh, now = stage.wh, dt.datetime.now(dt.UTC)
    all_changes = history.load(wh, Wanted(size=500)).changes
    seen, rest = all_changes[9], all_changes[10:30]
    assert seen.moment is not None
    assert seen.version is not None
    place = Position(seen.moment, TABLES.index(seen.table), seen.version, seen.key)
    older = history.load(wh, Wanted(size=len(rest), after=Cursor(place))).changes
    narrowed = Wanted(person=wh.actor, kind=CHANGED, table=ACCOUNTS.name, field="team", size=500)
    lately = Wanted(since=now - dt.timedelta(days=1), until=now, person=history.OUTSIDE, size=500)
    found = (
        _identities(older) == _identities(rest),
        _identities(_found(wh, narrowed)) == _identities(filter(_is_renaming(wh), all_changes)),
        any(_found(wh, Wanted(operation=older[0].operation))),
        _identities(_found(wh, lately)) == _identities(c for c in all_changes if c.outside),
    )
    version = versions.known(wh).commits[ACCOUNTS][-1].version
    made_by = versions.committers(wh, [(ACCOUNTS, version)])
    return f"{len(older)} older, as in all: {found}, by somebody: {all(made_by.values())}"


def _found(wh: Warehouse, wanted: Wanted) -> list[Change]:
    return history.load(wh, wanted).changes


def _identities(changes: Iterable[Change]) -> list[tuple[object, ...]]:
    return [(c.table.name, c.key, c.version, c.person, c.operation) for c in changes]


def _is_renaming(wh: Warehouse) -> Callable[[Change], bool]:
    return lambda change: (
        (change.table, change.kind, change.person) == (ACCOUNTS, CHANGED, wh.actor)
        and (change.before or {}).get("team") != (change.after or {}).get("team")
    )


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
    diff.find_in_account(past, KEY)
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


# The end of a part of the feeds depends on the number of commits, and the warehouse itself may add
# commits.
_OF_PARTS = (*(f"accounts ({n})" for n in (2, 5, 6)), "updates", "updates (2)", "operations")

CASES = (
    Case("history", _history),
    Case("older history and its filters", _older_history, varying=_OF_PARTS),
    Case("how far the history reaches", _reach),
    Case("recent changes", _recent),
    Case("as of a moment, and what changed since", _as_of),
    Case("backup", _back_up),
    Case("restore", _restore),
)
