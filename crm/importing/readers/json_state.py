"""The legacy app's state as JSON: what its session held, in the shapes it was saved in.

``accounts``, ``use_cases`` and ``updates`` are objects keyed by id, or lists. An account
carries its platforms' statuses, and its children or the lists of their ids, which say whose a
child is where the child itself does not. Our own exports (crm/exporting) are read, too. What has
none of these shapes is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import ijson

from crm.importing.cleaning import is_nothing
from crm.importing.errors import SourceError
from crm.importing.findings import NOTED, REFUSED
from crm.importing.headings import normal, readings
from crm.importing.raw import Raw, Remark, Unread
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
# Keys of the app's session, and of our own exports, that carry nothing of their own.
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

# The shapes that there are need six.
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
    """``rows`` are read when they are asked for; ``ignored`` says what is not imported."""

    rows: dict[Table, Callable[[], Iterator[Raw]]] = field(default_factory=dict)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    is_own: bool = False


@dataclass
class _File:
    """``sections``: our name of a section → its key in the file, and what is under it."""

    text: JsonText
    sections: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    others: list[tuple[str, str]] = field(default_factory=list)
    format: str = ""

    def records(self, name: str) -> Iterator[tuple[str, Any]]:
        """(key, record); a list's records have their number for a key."""
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
        """(BSNID, account) of those that are any."""
        keyed = self.is_keyed(ACCOUNTS.name)
        for key, account in self.records(ACCOUNTS.name):
            if isinstance(account, dict):
                yield _says(ACCOUNTS, ACCOUNTS.key, account) or (key if keyed else ""), account


def read(path: Path, scratch: Path) -> State:
    """What the file holds. Raises SourceError."""
    text = JsonText(path, scratch)
    state = State()
    try:
        file = _looked_through(path.name, text)
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


def _looked_through(name: str, text: JsonText) -> _File:
    """Each top-level key, and what is under it. Raises SourceError."""
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
                # Building such values takes the parser more stack than a thread has.
                raise SourceError(f"{name} is nested too deeply to be such a file.")
    return found


def _enter(file: _File, key: str, shape: str) -> None:
    name = normal(key)
    if name in _SECTIONS or name == _AREAS:
        places = file.sections.setdefault(name, [])
        if (key, shape) not in places:  # both of a key that comes twice are read at once
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


def _rows(file: _File, table: Table) -> Iterator[Raw]:
    for key, shape in file.sections.get(table.name, ()):
        if shape not in ("start_map", "start_array", "null"):
            yield _refused("", f"“{key}” is {_WORDS[shape]}, no records; not imported")
    yield from _section(file, table)
    if table is not ACCOUNTS:
        for bsnid, account in file.accounts():
            for key, there in account.items():
                if normal(key) == table.name:
                    inside = _statuses if table is PLATFORMS_STATUS else _children
                    yield from inside(table, bsnid, there)


def _section(file: _File, table: Table) -> Iterator[Raw]:
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
        own = _says(table, table.key, row)
        if keyed and own is None:
            row[table.key] = key
        elif keyed and as_id(own).strip() != key.strip():
            reason = f"is kept under “{key}”, but says that it is “{as_id(own)}”; that counts"
            remarks = [Remark(NOTED, reason, table.key)]
        if table.parent_key and _says(table, table.parent_key, row) is None:
            # Only now: most files say it in the child, and this reads all accounts again.
            owners = _owners(file, table) if owners is None else owners
            row[table.parent_key] = owners.get(as_id(_says(table, table.key, row)))
        yield Raw(key, list(row.items()), remarks)


def _owners(file: _File, table: Table) -> dict[str, Any]:
    """Child id → account, from the ids that accounts carry."""
    return {
        as_id(child): bsnid
        for bsnid, account in file.accounts()
        for key, there in account.items()
        if normal(key) == table.name and isinstance(there, list | dict)
        for child in there
        if isinstance(child, str | int | Decimal)
    }


def _children(table: Table, bsnid: Any, there: Any) -> Iterator[Raw]:
    """Records within their account: a list, or an object by id. Ids alone say whose a record
    is, see _owners."""
    name = f"{bsnid}/{table.name}"
    if isinstance(there, dict):
        pairs = there.items()
    elif isinstance(there, list):
        pairs = [
            ("", each)
            for each in there
            if not isinstance(each, str | int | Decimal) or isinstance(each, bool)
        ]
    elif is_nothing(there):
        return
    else:
        reason = f"is {_kind(there)}, neither records nor a list of their ids; not imported"
        yield _refused(name, reason)
        return
    for number, (key, record) in enumerate(pairs, start=1):
        place = f"{name}/{key or number}"
        if isinstance(record, dict):
            row = dict(record)
            if key and _says(table, table.key, row) is None:
                row[table.key] = key
            if _says(table, table.parent_key, row) is None:
                row[table.parent_key] = bsnid
            yield Raw(place, list(row.items()))
        elif record is not None:
            yield _refused(place, f"is {_kind(record)}, not a record; not imported")


def _statuses(table: Table, bsnid: Any, there: Any) -> Iterator[Raw]:
    """{platform: status}, or a list of statuses. What is neither has no platform, and is refused
    for that."""
    found: list[tuple[Any, Any]] = []
    if isinstance(there, dict):
        found = list(there.items())
    elif isinstance(there, list):
        found = [(s.get("platform") if isinstance(s, dict) else None, s) for s in there]
    elif not is_nothing(there):
        found = [(None, there)]
    for platform, status in found:
        row = {"account_bsnid": bsnid, "platform": platform}
        if isinstance(status, dict):
            row |= status
        elif platform is None:
            row["(not a status)"] = status
        else:
            row["status"] = status
        yield Raw(f"{bsnid}/{platform or '?'}", list(row.items()))


def _says(table: Table, column: str, record: Record) -> Any:
    """What a record says of a column, under whatever name; None: nothing."""
    headings = tuple(record)
    for place in readings(table, headings).get(column, ()):
        value = record[headings[place]]
        if not is_nothing(value) and not isinstance(value, Unread):
            return value
    return None


def _refused(name: str, reason: str) -> Raw:
    return Raw(name, None, [Remark(REFUSED, reason)])


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
