"""JSON files: the legacy app's session state, and our own exports (crm/exporting).

``accounts``, ``use_cases`` and ``updates`` are objects keyed by id, or lists. An account holds its
platforms' statuses, and its children or lists of their ids; those tell which account a child
belongs to when the child itself does not. Records of any other shape are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import ijson

from crm.importing.cleaning import is_empty
from crm.importing.errors import SourceError
from crm.importing.findings import NOTED, REFUSED
from crm.importing.headings import columns_by_index, normal
from crm.importing.raw_rows import RawRow, Remark, Unreadable
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    UPDATES,
    USE_CASES,
    Table,
)

from .json_text import JsonText, as_id

_SECTIONS = {table.name: table for table in (ACCOUNTS, *CHILDREN)}
_AREAS = "business_areas"
# Keys of the legacy app's session, and of our own exports, that hold nothing to import.
_KNOWN = {
    "format",
    "version",
    "platforms",
    "onboarding_statuses",
    "enablement_tiers",
    "sample_data_loaded",
}
_OWN_FORMAT = "edip-crm"
_NESTED = {PLATFORMS_STATUS.name, USE_CASES.name, UPDATES.name}

# The known shapes need six levels.
_DEEPEST = 50

_WORDS = {
    "start_map": "an object",
    "start_array": "a list",
    "null": "null",
    "string": "a text",
    "boolean": "true or false",
    "number": "a number",
}

Record = dict[str, Any]


@dataclass
class State:
    """What a JSON file holds. ``rows`` reads a table's rows when it is called; ``ignored`` says
    what is not imported; ``is_own`` means our own export."""

    rows: dict[Table, Callable[[], Iterator[RawRow]]] = field(default_factory=dict)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    is_own: bool = False


@dataclass
class _File:
    """A JSON file. ``sections`` maps our name of a section to its (key, first parser event)."""

    text: JsonText
    sections: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    others: list[tuple[str, str]] = field(default_factory=list)
    format: str = ""

    def records(self, name: str) -> Iterator[tuple[str, Any]]:
        """Yield (key, record) of a section; the key of a list's record is its number."""
        for key, shape in self.sections.get(name, ()):
            with self.text.open() as file:
                if shape == "start_map":
                    pairs = ijson.kvitems(file, key)
                elif shape == "start_array":
                    pairs = enumerate(ijson.items(file, f"{key}.item"), start=1)
                else:
                    continue
                for own, record in pairs:
                    yield str(own), self.text.values(record)

    def is_keyed(self, name: str) -> bool:
        return any(shape == "start_map" for _, shape in self.sections.get(name, ()))

    def accounts(self) -> Iterator[tuple[Any, Record]]:
        """Yield (BSNID, account) of the accounts that are objects."""
        keyed = self.is_keyed(ACCOUNTS.name)
        for key, account in self.records(ACCOUNTS.name):
            if isinstance(account, dict):
                yield _value_of(ACCOUNTS, ACCOUNTS.key, account) or (key if keyed else ""), account


def read(path: Path, scratch: Path) -> State:
    """Read what the file holds. Raises SourceError if it is no JSON or holds no sections."""
    text = JsonText(path, scratch)
    state = State()
    try:
        file = _scan(path.name, text)
        for key, shape in file.sections.pop(_AREAS, ()):
            _read_areas(text, key, shape, state)
    except (ijson.JSONError, ValueError) as error:
        raise SourceError(f"{path.name} is not valid JSON: {text.complaint(error)}") from error
    if text.encoding.remark:
        state.remarks.append(Remark(NOTED, text.encoding.remark))
    state.is_own = file.format == _OWN_FORMAT
    state.ignored += [f"“{key}” is not imported" for key, _ in file.others]
    has_accounts = ACCOUNTS.name in file.sections
    for name, table in _SECTIONS.items():
        if name in file.sections or (has_accounts and name in _NESTED):
            state.rows[table] = partial(_rows, file, table)
    return state


def _scan(name: str, text: JsonText) -> _File:
    """Find the top-level keys. Raises SourceError if the file is no object or nested too deep."""
    found, key, depth = _File(text), None, 0
    with text.open() as file:
        for event, value in ijson.basic_parse(file):
            if depth == 0 and event != "start_map" and not event.startswith("end_"):
                raise SourceError(
                    f"{name} holds {_WORDS[event]}; it should be an object with accounts, "
                    "use_cases and updates."
                )
            if depth == 1 and event == "map_key":
                key = value
            elif depth == 1 and key is not None and not event.startswith("end_"):
                _enter(found, key, event)
                found.format = str(value) if key == "format" else found.format
            if event in ("start_map", "start_array"):
                depth += 1
            elif event in ("end_map", "end_array"):
                depth -= 1
            if depth > _DEEPEST:
                # Deeper values need more stack than a thread has.
                raise SourceError(f"{name} is nested too deeply.")
    return found


def _enter(file: _File, key: str, shape: str) -> None:
    name = normal(key)
    if name in _SECTIONS or name == _AREAS:
        places = file.sections.setdefault(name, [])
        if (key, shape) not in places:  # a repeated key is read once, with all its values
            places.append((key, shape))
    elif name not in _KNOWN and (key, shape) not in file.others:
        file.others.append((key, shape))


def _read_areas(text: JsonText, key: str, shape: str, state: State) -> None:
    if shape == "null":
        return
    if shape != "start_map":
        state.ignored.append(f"“{key}” is {_WORDS[shape]}, not areas with their IT partners")
        return
    with text.open() as file:
        for area, found in ijson.kvitems(file, key):
            partner = text.values(found)
            if isinstance(partner, str):
                state.it_partners |= {area: partner} if partner else {}
            elif partner is not None:
                reason = f"the IT partner of {area} is {_kind(partner)}, not a text"
                state.ignored.append(reason)


def _rows(file: _File, table: Table) -> Iterator[RawRow]:
    for key, shape in file.sections.get(table.name, ()):
        if shape not in ("start_map", "start_array", "null"):
            yield _refused("", f"“{key}” is {_WORDS[shape]}, no records; not imported")
    yield from _section(file, table)
    if table is not ACCOUNTS:
        for bsnid, account in file.accounts():
            for key, value in account.items():
                if normal(key) == table.name:
                    inside = _statuses if table is PLATFORMS_STATUS else _children
                    yield from inside(table, bsnid, value)


def _section(file: _File, table: Table) -> Iterator[RawRow]:
    keyed = file.is_keyed(table.name)
    owners: dict[str, Any] | None = None
    for key, record in file.records(table.name):
        if not isinstance(record, dict):
            yield _refused(key, f"is {_kind(record)}, not a record; not imported")
            continue
        row = dict(record)
        if table is ACCOUNTS:
            row = {k: v for k, v in record.items() if normal(k) not in _NESTED}
        remarks = []
        own = _value_of(table, table.key, row)
        if keyed and own is None:
            row[table.key] = key
        elif keyed and as_id(own).strip() != key.strip():
            reason = f"has the key “{key}”, but the id “{as_id(own)}”; the id counts"
            remarks = [Remark(NOTED, reason, table.key)]
        if table.parent_key and _value_of(table, table.parent_key, row) is None:
            # Most files name the account in the child; this reads all accounts again.
            owners = _owners(file, table) if owners is None else owners
            row[table.parent_key] = owners.get(as_id(_value_of(table, table.key, row)))
        yield RawRow(key, list(row.items()), remarks)


def _owners(file: _File, table: Table) -> dict[str, Any]:
    """Map child ids to BSNIDs, by the lists of ids that accounts hold."""
    return {
        as_id(child): bsnid
        for bsnid, account in file.accounts()
        for key, value in account.items()
        if normal(key) == table.name and isinstance(value, list | dict)
        for child in value
        if isinstance(child, str | int | Decimal)
    }


def _children(table: Table, bsnid: Any, value: Any) -> Iterator[RawRow]:
    """Yield the records within an account: a list, or an object by id. Ids without a record are
    for _owners."""
    name = f"{bsnid}/{table.name}"
    pairs: Iterable[tuple[str, Any]]
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = [
            ("", each)
            for each in value
            if not isinstance(each, str | int | Decimal) or isinstance(each, bool)
        ]
    elif is_empty(value):
        return
    else:
        reason = f"is {_kind(value)}, neither records nor a list of their ids; not imported"
        yield _refused(name, reason)
        return
    for number, (key, record) in enumerate(pairs, start=1):
        place = f"{name}/{key or number}"
        if isinstance(record, dict):
            row = dict(record)
            if key and _value_of(table, table.key, row) is None:
                row[table.key] = key
            if _value_of(table, table.parent_key, row) is None:
                row[table.parent_key] = bsnid
            yield RawRow(place, list(row.items()))
        elif record is not None:
            yield _refused(place, f"is {_kind(record)}, not a record; not imported")


def _statuses(table: Table, bsnid: Any, value: Any) -> Iterator[RawRow]:
    """Yield the statuses within an account: {platform: status}, or a list. What is neither has
    no platform, and is refused for that."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        found = list(value.items())
    elif isinstance(value, list):
        found = [(s.get("platform") if isinstance(s, dict) else None, s) for s in value]
    elif not is_empty(value):
        found = [(None, value)]
    for platform, status in found:
        row = {"account_bsnid": bsnid, "platform": platform}
        if isinstance(status, dict):
            row |= status
        elif platform is None:
            row["(not a status)"] = status
        else:
            row["status"] = status
        yield RawRow(f"{bsnid}/{platform or '?'}", list(row.items()))


def _value_of(table: Table, column: str, record: Record) -> Any:
    """Return a record's value of a column, under any known name, or None."""
    headings = tuple(record)
    for place in columns_by_index(table, headings).get(column, ()):
        value = record[headings[place]]
        if not is_empty(value) and not isinstance(value, Unreadable):
            return value
    return None


def _refused(name: str, reason: str) -> RawRow:
    return RawRow(name, None, [Remark(REFUSED, reason)])


def _kind(value: Any) -> str:
    for types, word in (
        (type(None), "null"),
        (bool, "true or false"),
        (str, "a text"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, types):
            return word
    return "a number"
