"""Change feeds that are made up in Python, with everything that shows who made each change."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.schema import ACCOUNTS, CHILDREN, TABLES, Table
from crm.repository import operations
from crm.repository._sql import Row
from crm.repository.past._history_sql import Note, Part
from crm.repository.past.cursor import Position
from crm.repository.versions import Commit, Timelines

BEGINNING = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PEOPLE = ("ana", "bob", "chidi")


@dataclass
class Feeds:
    """Four tables, their feeds and the notes, filled by random operations."""

    seed: int
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, Note] = field(default_factory=dict)
    commits: dict[Table, list[Commit]] = field(default_factory=dict)
    tables: dict[Table, dict[str, Row]] = field(default_factory=dict)
    past: dict[Table, list[dict[str, Row]]] = field(default_factory=dict)
    reads: list[int] = field(default_factory=list)
    lookups: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.now = BEGINNING
        for table in TABLES:
            self.tables[table], self.past[table] = {}, [{}]
            self.commits[table] = [Commit(0, self.now, "CREATE TABLE")]

    def commit(
        self, table: Table, after: Mapping[str, Row | None], *, whole: bool = False
    ) -> None:
        """Write these rows by key (None deletes one); ``whole``: as RESTORE does, in two rows."""
        version = len(self.commits[table])
        self.now += dt.timedelta(milliseconds=self.chance.choice((0, 5, 60_000)))
        changed = sum(key in self.tables[table] for key in after)
        self.commits[table].append(Commit(version, self.now, "WRITE", changed=changed))
        for key, row in after.items():
            before = self.tables[table].get(key)
            update = before and row and not whole
            if before:
                self._add(table, version, before, "update_preimage" if update else "delete")
            if row:
                self._add(table, version, row, "update_postimage" if update else "insert")
        kept = {**self.tables[table], **after}
        self.tables[table] = {key: row for key, row in kept.items() if row}
        self.past[table].append(self.tables[table])

    def _add(self, table: Table, version: int, row: Row, kind: str) -> None:
        self.rows.append(
            {
                "place": TABLES.index(table),
                "key": row["key"],
                "account": row["account"],
                "version": version,
                "moment": self.now,
                "type": kind,
                "content": json.dumps(row["content"]),
                **{n: row[n] for n in ("created_at", "updated_at", "updated_by", "change_id")},
            }
        )

    def row(self, table: Table, key: str, account: str, **stamp: Any) -> Row:
        name = "team" if table is ACCOUNTS else "status"
        before = self.tables[table].get(key)
        content = {table.key: key, name: f"{name} {self.chance.randrange(5)}"}
        created = before["created_at"] if before else self.now
        row = {"key": key, "account": account, "content": content, "created_at": created}
        return row | {"updated_at": self.now, "updated_by": None, "change_id": None} | stamp

    def id(self) -> str:
        return f"{self.chance.getrandbits(128):032x}"

    # Reading the feeds: the same as the statement of _history_sql, but with lists.

    def read(self, _: object, part: Part, *, has_notes: bool) -> tuple[list[Row], dict[str, Note]]:
        found = [row for row in self.rows if self._is_in(row, part)]
        if part.is_sorted:
            found.sort(key=lambda row: position(row).order)
        self.reads.append(len(found))
        teams = self.tables[ACCOUNTS]
        found = [
            row | {"team": teams[row["account"]]["content"]["team"]}
            if row["account"] in teams and not part.of and part.is_sorted
            else row
            for row in found[: part.most]
        ]
        notes = {id: note for id, note in self.notes.items() if self._is_of(note, part)}
        return found, notes if has_notes else {}

    @staticmethod
    def _is_of(note: Note, part: Part) -> bool:
        return not (part.begins and note.ended_at and note.ended_at < part.begins)

    @staticmethod
    def _is_in(row: Row, part: Part) -> bool:
        name = TABLES[row["place"]].name
        return (
            max(part.start[name], part.first.get(name, 0)) <= row["version"]
            and row["version"] <= part.last.get(name, row["version"])
            and part.of in ("", row["account"])
            and (not part.accounts or row["account"] in CHOSEN)
            and (part.after is None or position(row).order > part.after.order)
            and not (row["type"] == "insert" and row["change_id"] in part.passed)
        )

    def read_records(
        self, _: object, start: Mapping[str, int], records: Mapping[Table, Collection[str]]
    ) -> list[Row]:
        self.lookups += 1
        return [
            row
            for row in self.rows
            for table in [TABLES[row["place"]]]
            if row["key"] in records.get(table, ()) and row["version"] >= start[table.name]
        ]

    def read_notes(self, _: object, ids: Collection[str]) -> dict[str, Note]:
        self.lookups += 1
        return {id: self.notes[id] for id in ids if id in self.notes}

    def timelines(self, *_: object) -> Timelines:
        commits = {table: tuple(each) for table, each in self.commits.items()}
        return Timelines(commits, self.now, self.now)


# The accounts that pass any filter of accounts.
CHOSEN = ("a1", "a7")


def position(row: Row) -> Position:
    return Position(row["moment"], row["place"], row["version"], row["key"] or "")


def filled(seed: int, steps: int) -> Feeds:
    """Return feeds after so many random operations."""
    feeds = Feeds(seed)
    for _ in range(steps):
        feeds.now += dt.timedelta(seconds=feeds.chance.choice((0, 1, 30, 900)))
        step = feeds.chance.choices(_STEPS, _WEIGHTS)[0]
        step(feeds, feeds.id(), feeds.chance.choice(PEOPLE))
    return feeds


def _some(feeds: Feeds, table: Table, count: int = 1) -> list[str]:
    keys = sorted(feeds.tables[table])
    return feeds.chance.sample(keys, min(count, len(keys)))


def _create(feeds: Feeds, id: str, by: str) -> None:
    table = feeds.chance.choice(TABLES) if len(feeds.tables[ACCOUNTS]) > 3 else ACCOUNTS
    key = f"{table.name[0]}{feeds.chance.randrange(40)}"
    if key not in feeds.tables[table]:
        account = key if table is ACCOUNTS else _some(feeds, ACCOUNTS)[0]
        stamp = {"updated_by": by, "change_id": id}
        feeds.commit(table, {key: feeds.row(table, key, account, **stamp)})


def _edit(feeds: Feeds, id: str, by: str) -> None:
    table = feeds.chance.choice(TABLES)
    for key in _some(feeds, table):
        owner = feeds.tables[table][key]["account"]
        # A wrong clock now and then.
        wrong = dt.timedelta(days=feeds.chance.choice((0, 0, 0, -300, 300)))
        stamp = {"updated_by": by, "change_id": id, "updated_at": feeds.now + wrong}
        feeds.commit(table, {key: feeds.row(table, key, owner, **stamp)})


def _outside(feeds: Feeds, id: str, by: str) -> None:
    """Change or delete a row; sometimes copy the time, or drop the id."""
    table = feeds.chance.choice(TABLES)
    for key in _some(feeds, table):
        kept = {n: feeds.tables[table][key][n] for n in ("updated_at", "updated_by", "change_id")}
        row = feeds.row(table, key, feeds.tables[table][key]["account"], **kept)
        change = feeds.chance.choice(("row", "row", "time", "id", "gone"))
        more = {"time": {"updated_at": feeds.now}, "id": {"change_id": None}}.get(change, {})
        feeds.commit(table, {key: None if change == "gone" else row | more})


def _old(feeds: Feeds, id: str, by: str) -> None:
    """Write or delete as before ``change_id`` existed."""
    _edit_with(feeds, None, by)


def _edit_with(feeds: Feeds, id: str | None, by: str) -> None:
    table = feeds.chance.choice(TABLES)
    for key in _some(feeds, table):
        owner = feeds.tables[table][key]["account"]
        stamp = {"updated_by": by, "change_id": id}
        feeds.commit(table, {key: feeds.row(table, key, owner, **stamp)})


def _delete_child(feeds: Feeds, id: str | None, by: str) -> None:
    table = feeds.chance.choice(CHILDREN)
    for key in _some(feeds, table):
        _stamp(feeds, table, key, id, by)
        if feeds.chance.random() < 0.8:  # or the process was killed
            feeds.commit(table, {key: None})


def _stamp(feeds: Feeds, table: Table, key: str, id: str | None, by: str) -> None:
    stamp = {"updated_by": by, "change_id": id, "updated_at": feeds.now}
    feeds.commit(table, {key: feeds.tables[table][key] | stamp})


def _delete_account(feeds: Feeds, id: str | None, by: str) -> None:
    for key in _some(feeds, ACCOUNTS):
        _stamp(feeds, ACCOUNTS, key, id, by)
        for table in CHILDREN:
            children = [k for k, row in feeds.tables[table].items() if row["account"] == key]
            if children:
                feeds.commit(table, dict.fromkeys(children))
        if feeds.chance.random() < 0.8:
            feeds.commit(ACCOUNTS, {key: None})


def _delete_as_before(feeds: Feeds, id: str, by: str) -> None:
    feeds.chance.choice((_delete_child, _delete_account))(feeds, None, by)


def _restore(feeds: Feeds, id: str, by: str) -> None:
    table = feeds.chance.choice(TABLES)
    past = feeds.past[table][feeds.chance.randrange(len(feeds.past[table]))]
    keys = sorted(past.keys() | feeds.tables[table].keys())
    changed = {k: past.get(k) for k in keys if past.get(k) != feeds.tables[table].get(k)}
    if changed:
        feeds.commit(table, changed, whole=feeds.chance.random() < 0.7)


def _import(feeds: Feeds, id: str, by: str) -> None:
    """Insert and change rows in several commits; the rows may keep the times of a file."""
    began = feeds.now
    for table in (ACCOUNTS, *CHILDREN[:1]):
        old = BEGINNING - dt.timedelta(days=3)
        stamp = {"updated_by": by, "change_id": id}
        if feeds.chance.random() < 0.5:
            stamp |= {"updated_at": old, "created_at": old}
        rows = {}
        for _ in range(feeds.chance.randrange(1, 12)):
            key = f"{table.name[0]}{feeds.chance.randrange(60)}"
            owners = _some(feeds, ACCOUNTS)
            owner = key if table is ACCOUNTS else owners[0]
            owner = feeds.tables[table].get(key, {"account": owner})["account"]
            rows[key] = feeds.row(table, key, owner, **stamp)
        feeds.commit(table, rows)
        if feeds.chance.random() < 0.5:
            _edit(feeds, feeds.id(), feeds.chance.choice(PEOPLE))
    feeds.notes[id] = Note(operations.IMPORT, by, "imported rows", began, feeds.now)


_STEPS: list[Callable[[Feeds, str, str], None]]
_STEPS = [_create, _edit, _outside, _old, _delete_child, _delete_account, _delete_as_before]
_STEPS += [_restore, _import]
_WEIGHTS = (8, 8, 3, 1, 2, 1, 1, 1, 1)
