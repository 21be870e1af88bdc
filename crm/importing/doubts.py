"""Signs that a file was misread, or is the wrong one, found by a dry run. A person decides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository.transfer.matching.fold import DIFFERENCES
from crm.repository.transfer.matching.natural_keys import NATURAL_KEYS
from crm.repository.transfer.matching.stored_teams import count_stored_teams, team_key
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED
from crm.warehouse import Warehouse

from .chunks import Chunk
from .findings import NO_ROWS, REFUSED, Findings, Place
from .headings import columns_by_index, normal
from .readers.csv_file import GUESSED
from .readers.csv_records import MISREAD
from .readers.encoding import UNSURE
from .results import TableResult
from .rows import CleanRow
from .stale import deleted_since

_LABEL = re.compile(r":(\s|$)")
# Fewer new accounts may well have the names of others.
NEW_AT_LEAST = 3
_TOTALS = {
    *("total", "totals", "grand_total", "sum", "subtotal", "overall", "count", "average"),
    *("summe", "gesamt", "gesamtergebnis", "gesamtsumme", "zwischensumme", "anzahl"),
}


@dataclass
class _Rows:
    """How many rows there are of a kind, and the place and, of accounts, the key of the first."""

    count: int = 0
    first: Place = Place("")
    key: str = ""

    def add(self, place: Place, key: str = "") -> None:
        if not self.count:
            self.first, self.key = place, key
        self.count += 1

    def doubt(self, one: str, many: str) -> str:
        if self.count == 1:
            return f"{self.first}: {one}, so it does not look like a record."
        rows = f"{self.count:,} rows {many}, the first at {self.first}"
        return f"{rows}; they do not look like records."


@dataclass
class Doubts:
    """Watches a dry run. ``found`` returns its doubts afterwards, each as a sentence."""

    wh: Warehouse
    _headings: _Rows = field(default_factory=_Rows)
    _totals: _Rows = field(default_factory=_Rows)
    _remarks: _Rows = field(default_factory=_Rows)
    _unclear: dict[Table, _Rows] = field(default_factory=lambda: defaultdict(_Rows))
    _similar: _Rows = field(default_factory=_Rows)
    _deleted: dict[Table, _Rows] = field(default_factory=lambda: defaultdict(_Rows))
    _new: int = 0
    # Whether all accounts so far are new, and have names that stored accounts have.
    _known_names: bool = True

    def watch(self, table: Table, chunk: Chunk, states: list[str]) -> None:
        for place, row, state in zip(chunk.places, chunk.rows, states, strict=True):
            if is_heading(table, row):
                self._headings.add(place)
            elif is_total(table, row):
                self._totals.add(place)
            elif table is ACCOUNTS and state == NEW and is_remark(row):
                self._remarks.add(place, row[ACCOUNTS.key] or "")
        for n in sorted(chunk.unclear):
            self._unclear[table].add(chunk.places[n])
        for n in sorted(chunk.similar):
            self._similar.add(chunk.places[n])
        for n in deleted_since(self.wh, table, chunk, states):
            self._deleted[table].add(chunk.places[n])
        if table is ACCOUNTS and self._known_names:
            self._new += len(states)
            self._known_names = set(states) == {NEW} and self._all_stored(chunk.rows)

    def found(self, results: Iterable[TableResult], findings: Findings) -> list[str]:
        """Return what a person should confirm before these rows are written."""
        doubts = [
            f"{place} {NO_ROWS}."
            for place in dict.fromkeys(f.place for f in findings.first if f.reason == NO_ROWS)
        ]
        doubts += [
            f"{kind.first.place} {kind.first.reason}. With a wrong encoding, "
            "some letters turn into others."
            for kind in findings.kinds.values()
            if kind.first.reason.startswith(UNSURE)
        ]
        doubts += _guesses(findings)
        if self._headings.count:
            doubts.append(self._headings.doubt("the row repeats headings", "repeat headings"))
        if self._totals.count:
            doubts.append(self._totals.doubt("the row is a total", "are totals"))
        if self._remarks.count:
            key = self._remarks.key
            one = f"the BSNID “{key}” reads like a remark below the table"
            many = f"have BSNIDs that read like remarks below the table, such as “{key}”"
            doubts.append(self._remarks.doubt(one, many))
        doubts += [_unclear(table, rows) for table, rows in self._unclear.items()]
        if self._similar.count:
            doubts.append(_similar(self._similar))
        doubts += [_deleted(table, rows) for table, rows in self._deleted.items()]
        if self._known_names and self._new >= NEW_AT_LEAST:
            doubts.append(
                f"All {self._new:,} accounts are new, but accounts with the same teams exist: the "
                "file may have other BSNIDs for them."
            )
        return doubts + _refusals(results, findings)

    def _all_stored(self, rows: list[CleanRow]) -> bool:
        teams = {row["team"] or "" for row in rows}
        return "" not in teams and count_stored_teams(self.wh, teams) == len(
            set(map(team_key, teams))
        )


def is_heading(table: Table, row: CleanRow) -> bool:
    """Return whether a row holds headings: two or more under their own columns, or an account
    with the name of a column as its key, as in JSON that holds column after column."""
    if table is ACCOUNTS and columns_by_index(table, [row[table.key] or ""]):
        return True
    own = [name for name in table.own_names if name in columns_by_index(table, [row[name] or ""])]
    return len(own) > 1


def is_total(table: Table, row: CleanRow) -> bool:
    """Return whether a row sums others up, by its key or its first text."""
    names = [table.owner, *(["team"] if table is ACCOUNTS else [])]
    key = (row[table.key] or "").split() if table is ACCOUNTS else []
    if len(key) > 1 and not _TOTALS.isdisjoint(map(normal, (key[0], key[-1]))):
        return True  # such as "Networks Total" or "Total: 2"
    return any(normal(row[name] or "").rstrip(":") in _TOTALS for name in names)


def is_remark(account: CleanRow) -> bool:
    """Return whether an account is a remark below a table: its BSNID has a colon after a word, as
    in “Source: Excel”, or it has several words, as in “Exported by Ada”, and the account has no
    other value."""
    key = account[ACCOUNTS.key] or ""
    others = (account[name] for name in ACCOUNTS.own_names if name != ACCOUNTS.key)
    return bool(_LABEL.search(key)) or (" " in key and not any(others))


def _guesses(findings: Findings) -> list[str]:
    """Return the doubts about rows in which cells were separated, or joined, on a guess."""
    return [
        f"{kind.first.place} {kind.first.reason}."
        + (f" There are {kind.count:,} such rows." if kind.count > 1 else "")
        for kind in findings.kinds.values()
        if kind.first.reason.startswith((GUESSED, MISREAD))
    ]


def _unclear(table: Table, rows: _Rows) -> str:
    labels = " and ".join(table.column(name).label for name in NATURAL_KEYS[table])
    one = f"{rows.first}: the {table.singular} has"
    many = f"{rows.count:,} {table.plural}, the first at {rows.first}, have"
    return (
        f"{one if rows.count == 1 else many} no id, and the same {labels} as several rows: it is "
        "not clear which row means which. What has no equal is added as new."
    )


def _similar(rows: _Rows) -> str:
    if rows.count == 1:
        what = f"{rows.first}: the BSNID of the new account differs"
        return f"{what} from another one only in {DIFFERENCES}. It may be the same account."
    what = f"The BSNIDs of {rows.count:,} new accounts, the first at {rows.first}, differ"
    return f"{what} from others only in {DIFFERENCES}. They may be the same accounts."


def _deleted(table: Table, rows: _Rows) -> str:
    if rows.count == 1:
        what = f"{rows.first}: the {table.singular} was"
        return f"{what} deleted here after the file was exported. It would be added again."
    what = f"{rows.count:,} {table.plural}, the first at {rows.first}, were"
    return f"{what} deleted here after the file was exported. They would be added again."


def _refusals(results: Iterable[TableResult], findings: Findings) -> list[str]:
    refused = sum(findings.count(REFUSED, table.name) for table in TABLES)
    accepted = sum(
        result.states[state] for result in results for state in (NEW, DIFFERENT, UNCHANGED)
    )
    if refused <= accepted or not accepted:
        return []  # where no row is accepted, nothing is imported
    return [f"More than half of the rows are refused: {refused:,} of {refused + accepted:,}."]
