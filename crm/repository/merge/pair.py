"""Read the two accounts of a merge for the page that compares them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.model.records import Account, PlatformStatus
from crm.model.schema import ACCOUNTS, CHANGE_ID, PLATFORMS_STATUS
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse

_TEAM_LENGTH = 80
_PAIR = """
SELECT {columns}, a.change_id, UNIX_MICROS(a.updated_at) AS version,
  (SELECT COLLECT_LIST({status}) FROM {platforms_status} AS p
    WHERE p.account_bsnid IN (:kept, :other)) AS statuses,
  (SELECT COUNT(*) FROM {use_cases} WHERE account_bsnid = :other) AS use_cases,
  (SELECT COUNT(*) FROM {updates} WHERE account_bsnid = :other) AS updates,
  CURRENT_TIMESTAMP() AS moment
FROM {accounts} AS a WHERE a.bsnid IN (:kept, :other)
"""


@dataclass(frozen=True)
class Side:
    """One of the two accounts; of several rows with its key, the one that changed last.

    :param version: its ``updated_at`` in microseconds, or None.
    :param statuses: its status by platform, the latest of several.
    :param versions: the ``updated_at`` of each status by platform, in microseconds.
    :param is_double: whether several rows have its key, or the key of one of its statuses.
    """

    account: Account
    version: int | None
    change_id: str
    statuses: Mapping[str, PlatformStatus] = field(default_factory=dict)
    versions: Mapping[str, int | None] = field(default_factory=dict)
    is_double: bool = False

    @property
    def bsnid(self) -> str:
        return self.account.bsnid

    @property
    def title(self) -> str:
        """Return a title: the beginning of its team's name, with the BSNID."""
        team = " ".join((self.account.team or "").split())
        short = team if len(team) <= _TEAM_LENGTH else f"{team[:_TEAM_LENGTH].rstrip()}…"
        return f"{short} ({self.bsnid})" if short else self.bsnid


@dataclass(frozen=True)
class Pair:
    """The account to keep and the ``other``, which is deleted; None if the person does not see it.

    ``use_cases`` and ``updates`` count the children of the other account. ``moment`` is when the
    accounts were read; None if neither exists.
    """

    kept: Side | None
    other: Side | None
    use_cases: int = 0
    updates: int = 0
    moment: dt.datetime | None = None


def load(wh: Warehouse, kept: str, other: str) -> Pair:
    """Return both accounts. One statement."""
    sql = _sql.render(
        wh.namespace,
        _PAIR,
        columns=_sql.names(ACCOUNTS.names, "a"),
        status=_sql.struct(PLATFORMS_STATUS, "p", "'version', UNIX_MICROS(p.updated_at)"),
    )
    rows = _sql.latest_first(wh.query(sql, {"kept": kept, "other": other}))
    if not rows:
        return Pair(None, None)
    first = rows[0]
    return Pair(
        _side(rows, kept),
        _side(rows, other),
        first["use_cases"],
        first["updates"],
        first["moment"],
    )


def _side(rows: list[Row], bsnid: str) -> Side | None:
    of_key = [row for row in rows if row["bsnid"] == bsnid]
    if not of_key:
        return None
    row = of_key[0]
    own = [each for each in row["statuses"] or () if each["account_bsnid"] == bsnid]
    latest = {each["platform"]: each for each in reversed(_sql.latest_first(own))}
    known = {name: each for name, each in sorted(latest.items()) if name}
    return Side(
        _sql.record(Account, row),
        row["version"],
        row[CHANGE_ID.name] or "",
        {name: _sql.record(PlatformStatus, each) for name, each in known.items()},
        {name: each["version"] for name, each in known.items()},
        len(of_key) > 1 or len({each["id"] for each in own}) < len(own),
    )
