"""People and business areas: the names in the rows, and the records of one name.

Here, a person is somebody whom a column of ``ROLES`` names. Names that differ only in case,
accents and blanks belong to the same person or area.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crm.model.namespace import quoted
from crm.model.records import Account, Update, UseCase
from crm.model.schema import ACCOUNTS, AREA, UPDATES, USE_CASES, Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

from ._platform_status import PARAMS, RECORDED_STATUS
from .search_words import fold, same

# The columns that name people.
ROLES = (
    (ACCOUNTS, "vp"),
    (ACCOUNTS, "admin"),
    (ACCOUNTS, "primary_it_partner"),
    (USE_CASES, "leader"),
    (UPDATES, "author"),
)
# The most rows of each kind on a page, and the most names to read for a list of names.
SHOWN = 25
MOST_NAMES = 10_000

_NAMES = """
SELECT '{role}' AS role, {column} AS name, COUNT(*) AS n
FROM {table} WHERE {condition} GROUP BY {column}
"""
_PARTNERS = """
SELECT {area} AS name, primary_it_partner AS partner, COUNT(*) AS n
FROM {accounts} WHERE TRIM({area}) <> '' GROUP BY {area}, primary_it_partner
ORDER BY n DESC LIMIT {most}
"""
_PERSON = """
SELECT
  (SELECT COLLECT_LIST(STRUCT(n.*)) FROM ({names}) AS n) AS names,
  (SELECT COLLECT_LIST(STRUCT(r.*)) FROM ({roles}) AS r) AS accounts,
  (SELECT COLLECT_LIST(STRUCT(c.*)) FROM (
    SELECT {use_case}, a.team FROM (
      SELECT * FROM {use_cases} WHERE leader RLIKE :same
      ORDER BY updated_at DESC NULLS LAST, id LIMIT {most}
    ) AS c LEFT JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
  ) AS c) AS use_cases,
  {updates} AS updates
"""
_UPDATES = """
  (SELECT COLLECT_LIST(STRUCT(u.*)) FROM (
    SELECT {update}, a.team FROM (
      SELECT u.* FROM {updates} AS u {of}
      ORDER BY u.date DESC NULLS LAST, u.created_at DESC NULLS LAST, u.id LIMIT {most}
    ) AS u LEFT JOIN {accounts} AS a ON a.bsnid = u.account_bsnid
  ) AS u)
"""
_ROLE = """
SELECT * FROM (
  SELECT '{role}' AS role, bsnid, team, business_area FROM {accounts} WHERE {column} RLIKE :same
  ORDER BY LOWER(team), bsnid LIMIT {most}
) AS r
"""
_AREA = """
WITH {recorded_status}
SELECT
  (SELECT COLLECT_LIST(STRUCT(n.*)) FROM ({names}) AS n) AS names,
  (SELECT COLLECT_LIST(STRUCT(a.*)) FROM (
    SELECT bsnid, team, vp, primary_it_partner FROM {accounts} WHERE {area} RLIKE :same
    ORDER BY LOWER(team), bsnid LIMIT {most}
  ) AS a) AS accounts,
  (SELECT COLLECT_LIST(STRUCT(s.*)) FROM (
    SELECT platform, status, COUNT(*) AS n FROM recorded_status GROUP BY platform, status
  ) AS s) AS statuses,
  {updates} AS updates
"""
_OF_AREA = """
LEFT SEMI JOIN (SELECT bsnid FROM {accounts} WHERE {area} RLIKE :same) AS a
  ON a.bsnid = u.account_bsnid
"""
# The newest statuses are searched only among those of the area.
_STATUSES_OF_AREA = "(SELECT u.* FROM {platforms_status} AS u {of})"


@dataclass(frozen=True)
class Name:
    """A name in its most common spelling.

    :param variants: all spellings, each with its number of rows.
    :param roles: by column, the number of rows with the name.
    :param partner: for an area, the IT partner of most of its accounts.
    """

    name: str
    variants: Mapping[str, int]
    roles: Mapping[str, int] = field(default_factory=dict)
    partner: str = ""

    @property
    def count(self) -> int:
        return sum(self.variants.values())


@dataclass(frozen=True)
class Names:
    """Sorted names; ``is_cut`` if there are more than were read."""

    found: list[Name]
    is_cut: bool


@dataclass(frozen=True)
class Person:
    """A person's first ``SHOWN`` rows of each kind; ``accounts`` are by column."""

    name: Name
    accounts: Mapping[str, tuple[Account, ...]]
    use_cases: tuple[UseCase, ...]
    updates: tuple[Update, ...]


@dataclass(frozen=True)
class Area:
    """A business area's first ``SHOWN`` accounts and latest updates.

    :param vps: the VPs of its accounts, each with the number of accounts; ``partners`` likewise.
    :param statuses: the number of accounts by platform and status.
    """

    name: Name
    accounts: tuple[Account, ...]
    vps: Mapping[str, int]
    partners: Mapping[str, int]
    statuses: Mapping[str, Mapping[str, int]]
    updates: tuple[Update, ...]


def list_people(wh: Warehouse) -> Names:
    """Return all people, by name. One statement. Raises WarehouseError."""
    each = [_names(wh, table, column, "TRIM({column}) <> ''") for table, column in ROLES]
    sql = "SELECT * FROM ({each}) AS n ORDER BY n DESC LIMIT {most}"
    rows = wh.query(_sql.fill(sql, each="UNION ALL".join(each), most=str(MOST_NAMES)))
    return Names(_in_order(_grouped(rows)), len(rows) == MOST_NAMES)


def list_areas(wh: Warehouse) -> Names:
    """Return all business areas with their usual IT partner, by name. One statement."""
    sql = _sql.render(wh.namespace, _PARTNERS, area=quoted(AREA), most=str(MOST_NAMES))
    rows = wh.query(sql)
    found = _grouped([{"role": AREA, **row} for row in rows])
    return Names(_in_order(found), len(rows) == MOST_NAMES)


def get_person(wh: Warehouse, name: str) -> Person | None:
    """Return the person with this name; None if no row names them. One statement."""
    roles = [
        _sql.render(wh.namespace, _ROLE, role=column, column=quoted(column), most=str(SHOWN))
        for table, column in ROLES
        if table is ACCOUNTS
    ]
    each = [_names(wh, table, column, "{column} RLIKE :same") for table, column in ROLES]
    sql = _sql.render(
        wh.namespace,
        _PERSON,
        names="UNION ALL".join(each),
        roles="UNION ALL".join(roles),
        use_case=_sql.names(USE_CASES.names, "c"),
        updates=_latest(wh, "WHERE u.author RLIKE :same"),
        most=str(SHOWN),
    )
    row = wh.query(sql, {"same": same(name)})[0]
    found = _grouped(row["names"] or ())
    if not found:
        return None
    accounts: dict[str, list[Account]] = {}
    for each_row in row["accounts"] or ():
        accounts.setdefault(each_row["role"], []).append(_sql.record(Account, each_row))
    return Person(
        found[0],
        {role: _by_team(each) for role, each in accounts.items()},
        tuple(_sql.record(UseCase, each) for each in row["use_cases"] or ()),
        _updates(row),
    )


def get_area(wh: Warehouse, name: str) -> Area | None:
    """Return the business area with this name; None if no account has it. One statement."""
    area = quoted(AREA)
    columns = (AREA, "vp", "primary_it_partner")
    of_area = f"{area} RLIKE :same"
    of = _sql.render(wh.namespace, _OF_AREA, area=area)
    statuses_of_area = _sql.render(wh.namespace, _STATUSES_OF_AREA, of=of)
    sql = _sql.render(
        wh.namespace,
        _AREA,
        recorded_status=_sql.fill(RECORDED_STATUS, platforms_status=statuses_of_area),
        names="UNION ALL".join(_names(wh, ACCOUNTS, column, of_area) for column in columns),
        area=area,
        updates=_latest(wh, of),
        most=str(SHOWN),
    )
    row = wh.query(sql, {**PARAMS, "same": same(name)})[0]
    by_role: dict[str, list[Row]] = {column: [] for column in columns}
    for each in row["names"] or ():
        by_role[each["role"]].append(each)
    found = _grouped(by_role[AREA])
    if not found:
        return None
    statuses: dict[str, dict[str, int]] = {}
    for each in row["statuses"] or ():
        statuses.setdefault(each["platform"], {})[each["status"]] = each["n"]
    return Area(
        found[0],
        _by_team(_sql.record(Account, each) for each in row["accounts"] or ()),
        _counts(by_role["vp"]),
        _counts(by_role["primary_it_partner"]),
        statuses,
        _updates(row),
    )


def _names(wh: Warehouse, table: Table, column: str, condition: str) -> str:
    name = quoted(column)
    return _sql.render(
        wh.namespace,
        _NAMES,
        role=column,
        column=name,
        table=wh.namespace.table(table),
        condition=_sql.fill(condition, column=name),
    )


def _latest(wh: Warehouse, of: str) -> str:
    parts = {"update": _sql.names(UPDATES.names, "u"), "of": of, "most": str(SHOWN)}
    return _sql.render(wh.namespace, _UPDATES, **parts)


def _grouped(rows: Iterable[Row]) -> list[Name]:
    """Return the names of these rows; the spellings of one name are combined."""
    same_name: dict[str, list[Row]] = {}
    for row in rows:
        same_name.setdefault(fold(row["name"]), []).append(row)
    return [_name(each) for each in same_name.values()]


def _name(rows: list[Row]) -> Name:
    variants, roles, partners = Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        variants[row["name"]] += row["n"]
        roles[row["role"]] += row["n"]
        partners[row.get("partner") or ""] += row["n"]
    del partners[""]
    ordered = dict(sorted(variants.items(), key=lambda each: (-each[1], each[0])))
    partner = min(partners, key=lambda each: (-partners[each], each), default="")
    return Name(next(iter(ordered)), ordered, roles, partner)


def _in_order(names: Iterable[Name]) -> list[Name]:
    return sorted(names, key=lambda each: (fold(each.name), each.name))


def _counts(rows: Iterable[Row]) -> dict[str, int]:
    counts = {row["name"]: row["n"] for row in rows if row["name"]}
    return dict(sorted(counts.items(), key=lambda each: (-each[1], fold(each[0]))))


def _by_team(accounts: Iterable[Account]) -> tuple[Account, ...]:
    """Return the accounts in the order of the statement's result, each once."""
    by_key = {account.bsnid: account for account in accounts}
    return tuple(sorted(by_key.values(), key=lambda each: (each.name.lower(), each.bsnid)))


def _updates(row: Row) -> tuple[Update, ...]:
    by_id = {each["id"]: each for each in row["updates"] or ()}
    return tuple(_sql.record(Update, each) for each in _sql.newest_first(list(by_id.values())))
