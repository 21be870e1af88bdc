"""Many edits by four people: the history read back equals the log of the edits, and the tables
as of any moment equal what the log gives for that moment."""

from __future__ import annotations

import datetime as dt
import random
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from crm.model.changes import CHANGED, CREATED, DELETED, Change, values_of
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES, Table
from crm.repository import versions
from crm.repository.errors import Stale
from crm.repository.past import diff, history
from crm.repository.past.history import History, Wanted
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.transfer import read_all
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..sizes import size, soak

PEOPLE = ("ana", "bo", "chidi", "dora")
EDITS = size(36, 500)
MOMENTS = size(3, 50)
# A random account is deleted once there are more.
MOST_ACCOUNTS = size(5, 12)
WORDS = ("Not Started", "Requested", "In Progress", "Completed")

State = dict[tuple[Table, str], dict[str, str]]


@dataclass(frozen=True)
class Done:
    """One edit: the record's own columns before and after."""

    person: str
    table: Table
    key: str
    before: dict[str, str] | None
    after: dict[str, str] | None

    @property
    def fields(self) -> dict[str, tuple[str, str]]:
        before, after = self.before or {}, self.after or {}
        keys = {self.table.key, self.table.parent_key}
        names = [c.name for c in self.table.own_columns if c.name not in keys]
        pairs = {name: (before.get(name, ""), after.get(name, "")) for name in names}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@dataclass
class Book:
    """The edits in order, the expected tables, and the expected tables at some moments."""

    log: list[Done] = field(default_factory=list)
    state: State = field(default_factory=dict)
    moments: list[tuple[dt.datetime, State]] = field(default_factory=list)

    def write(self, person: str, table: Table, key: str, after: dict | None) -> None:
        before = self.state.get((table, key))
        values = after and values_of(table, {**(before or {}), **after})
        self.log.append(Done(person, table, key, before, values))
        self.state = dict(self.state)
        if values is None:
            del self.state[table, key]
        else:
            self.state[table, key] = values

    def of(self, table: Table, bsnid: str = "") -> list[str]:
        return sorted(
            key
            for (kind, key), values in self.state.items()
            if kind is table and bsnid in ("", values.get("account_bsnid"))
        )


class Editor:
    """Makes random edits, each as one of four people, and records them."""

    def __init__(self, wh: Warehouse, seed: int) -> None:
        self._all = {name: replace(wh, actor=f"{name}@example.com") for name in PEOPLE}
        self._chance = random.Random(seed)
        self.book = Book()

    def edit(self) -> None:
        wh = self._all[self._chance.choice(PEOPLE)]
        there = self.book.of(ACCOUNTS)
        steps = [self._create_account, self._change_account, self._platform, self._platform]
        steps += [self._use_case, self._change_use_case, self._change_use_case, self._update]
        steps += [self._delete_child, self._change_update]
        step = self._chance.choice(steps) if len(there) > 3 else self._create_account
        if len(there) > MOST_ACCOUNTS:
            step = self._delete_account
        step(wh)

    def _text(self) -> str:
        return f"text {self._chance.randrange(10_000)} – “ü” 'q' \\ %"

    def _account(self) -> str:
        return self._chance.choice(self.book.of(ACCOUNTS))

    def _create_account(self, wh: Warehouse) -> None:
        values = {"bsnid": f"B{len(self.book.log):04d}", "team": self._text()}
        accounts.create(wh, values)
        self.book.write(wh.actor, ACCOUNTS, values["bsnid"], values)

    def _change_account(self, wh: Warehouse) -> None:
        key = self._account()
        values = {name: self._text() for name in self._chance.sample(("team", "vp", "admin"), 2)}
        accounts.update(wh, key, values, accounts.get(wh, key).updated_at)
        self.book.write(wh.actor, ACCOUNTS, key, values)

    def _delete_account(self, wh: Warehouse) -> None:
        key = self._account()
        accounts.delete(wh, key)
        for table in (PLATFORMS_STATUS, USE_CASES, UPDATES):
            for child in self.book.of(table, key):
                self.book.write(wh.actor, table, child, None)
        self.book.write(wh.actor, ACCOUNTS, key, None)

    def _platform(self, wh: Warehouse) -> None:
        bsnid, status = self._account(), self._chance.choice(WORDS)
        platform = self._chance.choice(("Databricks", "Snowflake"))
        key = platforms.new_id(bsnid, platform)
        before = self.book.state.get((PLATFORMS_STATUS, key))
        if before and before["status"] == status:
            return
        found = {row.platform: row for row in platforms.list_for(wh, bsnid)}
        seen = found[platform].updated_at if platform in found else None
        platforms.set_status(wh, bsnid, platform, status, seen)
        values = {"id": key, "account_bsnid": bsnid, "platform": platform, "status": status}
        self.book.write(wh.actor, PLATFORMS_STATUS, key, values)

    def _use_case(self, wh: Warehouse) -> None:
        bsnid, key = self._account(), str(uuid.UUID(int=self._chance.getrandbits(128)))
        values = {"problem": self._text(), "status": "Active"}
        use_cases.create(wh, bsnid, key, values)
        self.book.write(wh.actor, USE_CASES, key, {"id": key, "account_bsnid": bsnid, **values})

    def _change_use_case(self, wh: Warehouse) -> None:
        if not (keys := self.book.of(USE_CASES)):
            return
        key = self._chance.choice(keys)
        values = {"status": self._chance.choice(("Active", "On Hold")), "leader": self._text()}
        use_cases.update(wh, key, values, use_cases.get(wh, key).updated_at)
        self.book.write(wh.actor, USE_CASES, key, values)

    def _update(self, wh: Warehouse) -> None:
        bsnid, key = self._account(), str(uuid.UUID(int=self._chance.getrandbits(128)))
        day = dt.date(2026, 1, 1) + dt.timedelta(days=self._chance.randrange(300))
        values = {"author": "A", "date": day, "description": self._text() + "\nsecond line"}
        updates.create(wh, bsnid, key, values)
        self.book.write(wh.actor, UPDATES, key, {"id": key, "account_bsnid": bsnid, **values})

    def _change_update(self, wh: Warehouse) -> None:
        if not (keys := self.book.of(UPDATES)):
            return
        key = self._chance.choice(keys)
        values = {"description": self._text(), "platform": None}
        updates.update(wh, key, values, updates.get(wh, key).updated_at)
        self.book.write(wh.actor, UPDATES, key, values)

    def _delete_child(self, wh: Warehouse) -> None:
        table, repository = self._chance.choice(((USE_CASES, use_cases), (UPDATES, updates)))
        if keys := self.book.of(table):
            key = self._chance.choice(keys)
            repository.delete(wh, key)
            self.book.write(wh.actor, table, key, None)


def everything(wh: Warehouse, wanted: Wanted) -> Iterator[History]:
    found = history.load(wh, wanted)
    yield found
    while found.page < found.last:
        found = history.load(wh, replace(wanted, page=found.page + 1))
        yield found


def differences(past: Warehouse) -> dict:
    found = diff.find_changes(past)
    return {(change.table, change.key): (change.before, change.after) for change in found}


def require_the_log_of_each_record(changes: list[Change], log: list[Done]) -> None:
    """Compare the person, the kind, and the old and the new value of each field."""
    found: dict = {}
    for change in reversed(changes):
        assert not change.outside
        fields = {f.column.name: (f.before, f.after) for f in change.fields}
        found.setdefault((change.table, change.key), []).append(
            (change.person, change.kind, fields)
        )
    done: dict = {}
    for entry in log:
        kind = CREATED if entry.before is None else DELETED if entry.after is None else CHANGED
        done.setdefault((entry.table, entry.key), []).append((entry.person, kind, entry.fields))
    # The history does not show an edit that saved the row's present values.
    assert found == {key: [e for e in entries if e[2]] for key, entries in done.items()}


def require_the_past(then: Warehouse, state: State, now: State) -> None:
    shown = {
        (table, row[table.key]): values_of(table, row)
        for table in TABLES
        for row in read_all.rows(then, table)
    }
    assert shown == state
    assert differences(then) == {
        key: (state.get(key), now.get(key))
        for key in state | now
        if state.get(key) != now.get(key)
    }


@soak
@pytest.mark.timeout(1200)
def test_the_history_is_the_log_and_the_past_is_what_was_there(
    warehouse: Warehouse, statements: Statements
) -> None:
    editor, chance = Editor(warehouse, seed=5), random.Random(6)
    stops = set(chance.sample(range(1, EDITS), MOMENTS))
    for n in range(EDITS):
        editor.edit()
        if n in stops:
            moment = max(c[-1].moment for c in versions.load(warehouse).commits.values())
            editor.book.moments.append((moment, editor.book.state))
    log = editor.book.log
    assert len(log) > EDITS * 0.8
    assert any(done.table is ACCOUNTS and done.after is None for done in log)

    pages = list(everything(warehouse, Wanted(size=200)))
    changes = [change for page in pages for change in page.changes]
    assert pages[0].total == len(changes) == len(log)
    assert set(pages[0].people) == {f"{name}@example.com" for name in PEOPLE}
    assert changes == sorted(changes, key=lambda change: change.moment, reverse=True)

    require_the_log_of_each_record(changes, log)

    for bsnid in editor.book.of(ACCOUNTS)[:3]:
        of_one = [c for page in everything(warehouse, Wanted(bsnid=bsnid)) for c in page.changes]
        assert of_one == [change for change in changes if change.bsnid == bsnid]

    assert len(editor.book.moments) == MOMENTS
    for moment, state in editor.book.moments:
        require_the_past(versions.as_of(warehouse, moment), state, editor.book.state)


@soak
@pytest.mark.timeout(1200)
def test_several_writers_on_the_same_records_lose_nothing(warehouse: Warehouse) -> None:
    """Each adds its own mark to a record's marks; a writer that was overtaken reads again."""
    keys = [f"K{n:02d}" for n in range(size(2, 100))]
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": key, "team": "T"} for key in keys])
    writers, edits, overtaken = size(4, 8), size(5, 200), []

    def write(who: int) -> list[tuple[str, str]]:
        wh, chance, done = replace(warehouse, actor=f"w{who}@example.com"), random.Random(who), []
        for n in range(edits):
            key, mark = chance.choice(keys), f"{who}.{n}"
            time.sleep(chance.uniform(0, 0.2))
            while True:
                current = accounts.get(wh, key)
                marks = f"{current.azure_devops_link or ''} {mark}".strip()
                try:
                    accounts.update(wh, key, {"azure_devops_link": marks}, current.updated_at)
                except Stale:
                    overtaken.append(key)
                    continue
                break
            done.append((key, mark))
        return done

    with ThreadPoolExecutor(writers) as pool:
        written = [each for done in pool.map(write, range(writers)) for each in done]
    assert len(written) == writers * edits
    assert overtaken
    for key in keys:
        marks = accounts.get(warehouse, key).azure_devops_link.split()
        assert sorted(marks) == sorted(mark for where, mark in written if where == key)
