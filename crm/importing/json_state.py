"""The legacy app's state as JSON: what its session held, in the shapes it was saved in.

``accounts``, ``use_cases`` and ``updates`` are objects keyed by id, or lists. An account
carries its platforms' statuses, and lists of its children's ids, which say whose a child is
where the child itself does not. Our own exports (crm/exporting) are read, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from crm.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table

from .errors import SourceError

Rows = Iterator[tuple[str, dict[str, Any]]]

_SECTIONS = {"accounts": ACCOUNTS, "use_cases": USE_CASES, "updates": UPDATES}
# Keys of the app's session, and of our own exports, that carry nothing of their own.
_KNOWN = {
    "format",
    "version",
    "platforms",
    "onboarding_statuses",
    "enablement_tiers",
    "sample_data_loaded",
}

# The shapes that there are need six.
_DEEPEST = 50

# Statuses stand within accounts in the legacy app's files, and by themselves in our exports.
OWN_SECTION = PLATFORMS_STATUS.name


@dataclass
class State:
    rows: dict[Table, Callable[[], Rows]] = field(default_factory=dict)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read(path: Path) -> State:
    """What the file holds; the rows are read when they are asked for. Raises SourceError."""
    try:
        shapes = _shapes(path)
        state = State()
        if shapes.get("business_areas") == "start_map":
            with path.open("rb") as file:
                pairs = ijson.kvitems(file, "business_areas")
                state.it_partners = {k: v for k, v in pairs if isinstance(v, str) and v}
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise SourceError(f"{path.name} is not valid JSON: {error}") from error
    for name, table in _SECTIONS.items():
        if name in shapes:
            state.rows[table] = partial(_section, path, name, shapes)
    if OWN_SECTION in shapes:
        state.rows[PLATFORMS_STATUS] = partial(_records, path, OWN_SECTION, shapes)
    elif "accounts" in shapes:
        state.rows[PLATFORMS_STATUS] = partial(_platforms, path, shapes)
    known = _KNOWN | _SECTIONS.keys() | {"business_areas", OWN_SECTION}
    state.ignored = [key for key in shapes if key not in known]
    return state


def _shapes(path: Path) -> dict[str, str]:
    """Each top-level key, and whether an object or a list is under it. Raises SourceError."""
    shapes: dict[str, str] = {}
    key, depth = None, 0
    with path.open("rb") as file:
        for event, value in ijson.basic_parse(_without_mark(file), use_float=True):
            if depth == 1 and event == "map_key":
                key = value
            elif depth == 1 and key is not None:
                shapes.setdefault(key, event)
            if event in ("start_map", "start_array"):
                depth += 1
            elif event in ("end_map", "end_array"):
                depth -= 1
            if depth > _DEEPEST:
                # Building such values takes the parser more stack than a thread has.
                raise SourceError(f"{path.name} is nested too deeply to be such a file.")
    return shapes


def _without_mark(file: BinaryIO) -> BinaryIO:
    if file.read(3) != b"\xef\xbb\xbf":
        file.seek(0)
    return file


def _records(path: Path, name: str, shapes: dict[str, str]) -> Rows:
    """(key, record); the key is the record's own where the section is a list."""
    with path.open("rb") as file:
        _without_mark(file)
        if shapes[name] == "start_map":
            pairs = ijson.kvitems(file, name, use_float=True)
        elif shapes[name] == "start_array":
            items = ijson.items(file, f"{name}.item", use_float=True)
            pairs = ((str(number), item) for number, item in enumerate(items, start=1))
        else:
            return
        for key, record in pairs:
            yield str(key), record if isinstance(record, dict) else {"(not a record)": record}


def _section(path: Path, name: str, shapes: dict[str, str]) -> Rows:
    table = _SECTIONS[name]
    keyed = shapes[name] == "start_map"
    owners: dict[str, str] | None = None
    for key, record in _records(path, name, shapes):
        row = {k: v for k, v in record.items() if k not in ("platforms_status", *_SECTIONS)}
        if keyed and not any(row.get(k) for k in (table.key, f"{name[:-1]}_id", "id")):
            row[table.key] = key
        if table.parent_key and not any(
            row.get(k) for k in ("account_bsnid", "bsnid", "account_id", "account")
        ):
            # Only now: most files say it in the child, and this reads all accounts again.
            owners = _owners(path, name, shapes) if owners is None else owners
            own_id = str(row.get("id") or row.get(f"{name[:-1]}_id"))
            row[table.parent_key] = owners.get(own_id)
        yield key, row


def _owners(path: Path, name: str, shapes: dict[str, str]) -> dict[str, str]:
    """Child id → account, from the lists of ids that accounts carry."""
    if "accounts" not in shapes:
        return {}
    return {
        str(child): bsnid
        for bsnid, account in _accounts(path, shapes)
        for child in account.get(name) or ()
        if isinstance(child, str | int)
    }


def _accounts(path: Path, shapes: dict[str, str]) -> Rows:
    keyed = shapes["accounts"] == "start_map"
    for key, account in _records(path, "accounts", shapes):
        own = account.get("bsnid") or account.get("id")
        yield str(own or (key if keyed else "")), account


def _platforms(path: Path, shapes: dict[str, str]) -> Rows:
    for bsnid, account in _accounts(path, shapes):
        for platform, status in _statuses(account.get("platforms_status")):
            row = {"account_bsnid": bsnid, "platform": platform}
            yield f"{bsnid}/{platform or '?'}", row | status


def _statuses(there: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """(platform, the rest of its row). What is neither of the shapes has no platform, and is
    refused for that."""
    if isinstance(there, dict):
        for platform, status in there.items():
            yield platform, status if isinstance(status, dict) else {"status": status}
    elif isinstance(there, list):
        for status in there:
            found = status if isinstance(status, dict) else {"(not a status)": status}
            yield found.get("platform"), found
    elif there:
        yield None, {"(not a status)": there}
