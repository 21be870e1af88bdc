"""The settings of the signed-in person: their names in the data, and the accounts they follow.

An account is a person's if they follow it, or if one of their names is its primary IT partner, its
admin, or the leader of one of its use cases. Upper and lower case are the same.

Both are the person's settings, not data of accounts. Everything else works without their tables,
which may be missing or hidden from the person.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from cachetools import TTLCache

from crm.model.namespace import Namespace
from crm.repository import _sql
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

log = logging.getLogger(__name__)
Result = TypeVar("Result")

NAMES_AT_MOST = 10
# The most characters of all of a person's names.
LENGTH_AT_MOST = 2_000
# Separates the names of a person.
_LINE = "\n"

_lock = threading.Lock()
# People who cannot read the tables; the next read is tried after a while.
_without: TTLCache[Hashable, bool] = TTLCache(maxsize=200, ttl=60.0)

_MINE = """
LEFT SEMI JOIN (
  SELECT account_bsnid AS bsnid FROM {follows} WHERE person = :person
  UNION ALL
  SELECT x.bsnid
  FROM (
    SELECT bsnid, EXPLODE(ARRAY(primary_it_partner, admin)) AS name FROM {accounts}
    UNION ALL
    SELECT account_bsnid, leader FROM {use_cases}
  ) AS x
  JOIN (
    SELECT EXPLODE(SPLIT(LOWER(name), :line)) AS name FROM {people} WHERE person = :person
  ) AS n ON n.name = LOWER(TRIM(x.name))
) AS mine ON mine.bsnid = {owner}
"""
_READ = """
SELECT
  (SELECT COLLECT_LIST(name) FROM {people} WHERE person = :person) AS names,
  (SELECT COLLECT_LIST(
      STRUCT(f.account_bsnid AS bsnid, a.team AS team, f.followed_at AS followed_at))
    FROM (SELECT DISTINCT account_bsnid, followed_at FROM {follows} WHERE person = :person) AS f
    LEFT JOIN (SELECT bsnid, MAX(team) AS team FROM {accounts} GROUP BY bsnid) AS a
      ON a.bsnid = f.account_bsnid) AS accounts
"""
_FOLLOWS = """
(SELECT COUNT(*) FROM {follows} WHERE person = :person AND account_bsnid = :bsnid)
"""
_FOLLOW = """
MERGE INTO {follows} AS t
USING (
  SELECT CAST(:person AS STRING) AS person, CAST(:bsnid AS STRING) AS account_bsnid
) AS s
ON t.person = s.person AND t.account_bsnid = s.account_bsnid
WHEN NOT MATCHED THEN INSERT (person, account_bsnid, followed_at)
  VALUES (s.person, s.account_bsnid, CURRENT_TIMESTAMP())
"""
_UNFOLLOW = """
DELETE FROM {follows} WHERE person = :person AND account_bsnid = :bsnid
"""
# A copy has the time of the original, so that an undo finds it.
_COPY_FOLLOWS = """
MERGE INTO {follows} AS t
USING (
  SELECT person, CAST(:target AS STRING) AS account_bsnid, MIN(followed_at) AS followed_at
  FROM {follows} WHERE account_bsnid = :source GROUP BY person
) AS s
ON t.person = s.person AND t.account_bsnid = s.account_bsnid
WHEN NOT MATCHED THEN INSERT (person, account_bsnid, followed_at)
  VALUES (s.person, s.account_bsnid, s.followed_at)
"""
_TAKE_BACK_COPIES = """
MERGE INTO {follows} AS t
USING (
  SELECT DISTINCT f.person, f.followed_at, e.bsnid AS account_bsnid
  FROM {follows} AS f
  JOIN {each_bsnid} AS a ON a.bsnid = f.account_bsnid
  JOIN {follows} AS c ON c.person = f.person AND c.followed_at = f.followed_at
    AND c.account_bsnid <> f.account_bsnid
  JOIN {each_bsnid} AS e ON e.bsnid = c.account_bsnid
  WHERE f.account_bsnid = :source
) AS s
ON t.person = s.person AND t.followed_at = s.followed_at AND t.account_bsnid = s.account_bsnid
WHEN MATCHED THEN DELETE
"""
_SET_NAMES = """
MERGE INTO {people} AS t
USING (SELECT CAST(:person AS STRING) AS person, CAST(:name AS STRING) AS name) AS s
ON t.person = s.person
WHEN MATCHED THEN UPDATE SET name = s.name, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (person, name, updated_at)
  VALUES (s.person, s.name, CURRENT_TIMESTAMP())
"""


@dataclass(frozen=True)
class Followed:
    """An account that a person follows; ``team`` is None if the account was deleted."""

    bsnid: str
    team: str | None


@dataclass(frozen=True)
class Profile:
    names: tuple[str, ...] = ()
    accounts: tuple[Followed, ...] = ()


def only_of(namespace: Namespace, person: str, owner: str) -> str:
    """Return the join that keeps the rows of the person's accounts; ``owner`` is a row's BSNID.

    It must follow all other joins, and is empty without a person. Its parameters are ``params``.
    """
    return _sql.render(namespace, _MINE, owner=owner) if person else ""


def follows(namespace: Namespace, person: str) -> str:
    """Return the SQL of how many rows say that ``:person`` follows ``:bsnid``; NULL without a
    person.
    """
    return _sql.render(namespace, _FOLLOWS) if person else "CAST(NULL AS BIGINT)"


def params(person: str) -> dict[str, str]:
    return {"person": person, "line": _LINE} if person else {}


def if_possible(
    wh: Warehouse, read: Callable[[bool], Result], is_wanted: bool = True
) -> tuple[Result, bool]:
    """Return (``read(True)``, True), where ``read(True)`` may read the tables.

    If the tables cannot be read, or ``is_wanted`` is false, return (``read(False)``, False).
    """
    key = wh.cache_key
    with _lock:
        is_wanted = is_wanted and key not in _without
    if not is_wanted:
        return read(False), False
    try:
        return read(True), True
    except (ObjectNotFound, PermissionDenied):
        found = read(False)
        with _lock:
            _without[key] = True
        return found, False


def forget_all() -> None:
    with _lock:
        _without.clear()


def load(wh: Warehouse, person: str) -> Profile:
    """Return the person's names and accounts. One statement. Raises WarehouseError."""
    row = wh.query(_sql.render(wh.namespace, _READ), {"person": person})[0]
    names = (name for text in row["names"] or () for name in (text or "").split(_LINE) if name)
    accounts = row["accounts"] or ()
    known = {each["followed_at"] for each in accounts if each["team"] is not None}
    followed = {
        Followed(each["bsnid"], each["team"])
        for each in accounts
        # An account that was merged into another, which they follow instead.
        if each["team"] is not None or each["followed_at"] not in known
    }
    in_order = sorted(followed, key=lambda each: ((each.team or each.bsnid).lower(), each.bsnid))
    return Profile(tuple(dict.fromkeys(names)), tuple(in_order))


def follow(wh: Warehouse, person: str, bsnid: str) -> None:
    """Follow an account; no effect if the person already does. One statement."""
    _write(wh, _FOLLOW, {"person": person, "bsnid": bsnid})


def unfollow(wh: Warehouse, person: str, bsnid: str) -> None:
    _write(wh, _UNFOLLOW, {"person": person, "bsnid": bsnid})


def copy_follows(wh: Warehouse, source: str, target: str) -> int:
    """Make all followers of the account ``source`` follow ``target``; return how many are new.

    They also keep following the source: it is going to be deleted, and may be restored. Without
    the table, or the right to write to it, this does nothing. One statement.
    """
    return _write_if_possible(wh, _COPY_FOLLOWS, {"source": source, "target": target})


def take_back_copies(wh: Warehouse, source: str) -> int:
    """Remove the copies that ``copy_follows`` made from ``source``, if that account exists again.

    A copy stays if its person has followed the account again since. Without the table, or the
    right to write to it, this does nothing. One statement.
    """
    return _write_if_possible(wh, _TAKE_BACK_COPIES, {"source": source})


def set_names(wh: Warehouse, person: str, names: Iterable[str]) -> int:
    """Replace the person's names by these, stripped and without duplicates.

    Return how many were left out because of ``NAMES_AT_MOST`` and ``LENGTH_AT_MOST``.
    """
    cleaned = [name for name in dict.fromkeys(" ".join(name.split()) for name in names) if name]
    kept = cleaned[:NAMES_AT_MOST]
    while len(_LINE.join(kept)) > LENGTH_AT_MOST:
        kept.pop()
    _write(wh, _SET_NAMES, {"person": person, "name": _LINE.join(kept)})
    return len(cleaned) - len(kept)


def _write_if_possible(wh: Warehouse, template: str, values: dict[str, Any]) -> int:
    try:
        return wh.execute(_sql.render(wh.namespace, template), values, repeatable=True)
    except (ObjectNotFound, PermissionDenied) as error:
        log.warning("follows were left as they are: %s", error)
        return 0


def _write(wh: Warehouse, template: str, values: dict[str, Any]) -> None:
    wh.execute(_sql.render(wh.namespace, template), values, repeatable=True)
