"""Platform statuses, use cases and updates that a JSON file keeps within their account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from crm.importing.findings import CHANGED, REFUSED, SKIPPED
from crm.importing.headings import columns_by_index, table_key
from crm.importing.literals import parse_value
from crm.importing.raw_rows import RawRow, Remark, Unreadable
from crm.importing.yes_no import status_of
from crm.model.missing import is_empty
from crm.model.schema import PLATFORMS_STATUS, Table

from .json_text import as_id

Record = dict[str, Any]


def children(
    table: Table, accounts: Iterable[tuple[Any, Record]], *, has_others: bool
) -> Iterator[RawRow]:
    """Yield the rows of a table that lie within accounts, given as (BSNID, account).

    ``has_others``: the file has rows of this table elsewhere, whose ids accounts may list.
    """
    for bsnid, account in accounts:
        for key, value in account.items():
            if table_key(key) != table.name:
                continue
            value = _as_value(value)
            if table is PLATFORMS_STATUS:
                yield from statuses(table, bsnid, value)
                continue
            yield from _records(table, bsnid, value)
            if not has_others and isinstance(value, list):
                yield from _only_ids(table, bsnid, value)


def owners(table: Table, accounts: Iterable[tuple[Any, Record]]) -> dict[str, Any]:
    """Map child ids to BSNIDs, by the lists of ids that accounts hold."""
    return {
        as_id(child): bsnid
        for bsnid, account in accounts
        for key, value in account.items()
        if table_key(key) == table.name and isinstance(found := _as_value(value), list | dict)
        for child in found
        if isinstance(child, str | int | Decimal)
    }


def _records(table: Table, bsnid: Any, value: Any) -> Iterator[RawRow]:
    """Yield the records within an account: a list, or an object by id. It skips ids without a
    record; ``owners`` reads those."""
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
        reason = f"is {kind_of(value)}, neither records nor a list of their ids; not imported"
        yield refused(name, reason)
        return
    for number, (key, record) in enumerate(pairs, start=1):
        place = f"{name}/{key or number}"
        if isinstance(record, dict):
            row = dict(record)
            if key and value_of(table, table.key, row) is None:
                row[table.key] = key
            if value_of(table, table.parent_key, row) is None:
                row[table.parent_key] = bsnid
            yield RawRow(place, list(row.items()))
        elif record is not None:
            yield not_a_record(place, record)


def _only_ids(table: Table, bsnid: Any, listed: list[Any]) -> Iterator[RawRow]:
    """Yield a remark on each text in a list of records."""
    for number, each in enumerate(listed, start=1):
        if isinstance(each, str | int | Decimal) and not isinstance(each, bool):
            reason = f"“{str(each)[:40]}” is no record, and the file has no other {table.plural}"
            yield RawRow(f"{bsnid}/{table.name}/{number}", None, [Remark(SKIPPED, reason)])


def statuses(table: Table, bsnid: Any, value: Any) -> Iterator[RawRow]:
    """Yield the statuses within an account: {platform: status}, or a list. Any other value has no
    platform, so its row is refused."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        found = list(value.items())
    elif isinstance(value, list):
        found = [(_platform(s) if isinstance(s, dict) else None, s) for s in value]
    elif not is_empty(value):
        found = [(None, value)]
    for platform, status in found:
        if platform is None and not isinstance(status, dict):
            reason = f"“{str(status)[:40]}” is not like {{'Databricks': 'Completed'}}"
            yield refused(f"{bsnid}/?", reason)
            continue
        row, remarks = {"account_bsnid": bsnid, "platform": platform}, []
        row |= status if isinstance(status, dict) else {"status": status}
        if meant := status_of(row.get("status")):
            remarks = [Remark(CHANGED, f"“{row['status']}” was read as {meant}", "status")]
            row["status"] = meant
        yield RawRow(f"{bsnid}/{platform or '?'}", list(row.items()), remarks)


def _platform(status: Record) -> Any:
    """Return the platform of a status in a list, which some programs call its name."""
    return status.get("platform") or status.pop("name", None)


def value_of(
    table: Table, column: str, record: Record, given: Mapping[str, str] | None = None
) -> Any:
    """Return a record's value of a column, under any known name, or None."""
    headings = tuple(record)
    for index in columns_by_index(table, headings, given).get(column, ()):
        value = record[headings[index]]
        if not is_empty(value) and not isinstance(value, Unreadable):
            return value
    return None


def _as_value(value: Any) -> Any:
    """Return the list or dict that a text holds; pandas writes texts of those. Else the value."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    parsed = parse_value(value)
    return parsed if isinstance(parsed, list | dict) else value


def refused(name: str, reason: str) -> RawRow:
    return RawRow(name, None, [Remark(REFUSED, reason)])


def not_a_record(name: str, value: Any) -> RawRow:
    return refused(name, f"is {kind_of(value)}, not a record; not imported")


def kind_of(value: Any) -> str:
    for types, words in (
        (type(None), "null"),
        (bool, "true or false"),
        (str, "a text"),
        (list, "a list"),
        (dict, "an object"),
    ):
        if isinstance(value, types):
            return words
    return "a number"
