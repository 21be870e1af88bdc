"""The report on the accounts that a list finds: their state, and the changes in a period.

One statement reads both moments: the tables at the end of the period and at its beginning. If the
tables cannot be read as of the beginning, the report has no changes.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.namespace import Namespace
from crm.model.records import Listing
from crm.model.vocabulary import NOT_STARTED, ON_HOLD
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.tables import change_feed, notes
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

from . import _account_list, _report_sql
from ._list_query import Query
from ._platform_status import STATUSES

NEW, KNOWN, GONE, STALE = "new", "known", "gone", "stale"
# The most characters of a text in the report.
_LENGTH = "300"
_CHOSEN = "a.bsnid, a.team"


@dataclass(frozen=True)
class Period:
    """The days from ``first`` to the day before ``end``. For ``stuck_before`` and ``stale_before``
    see attention.Limits, computed for the end."""

    first: dt.date
    end: dt.date
    stale_before: dt.date
    stuck_before: Mapping[str, dt.datetime]


@dataclass(frozen=True)
class ReportRow:
    """An account, its use case or its update."""

    bsnid: str
    team: str | None = None
    id: str = ""
    what: str | None = None
    day: dt.date | None = None
    since: dt.datetime | None = None
    author: str | None = None
    leader: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Group:
    """Platform statuses or use cases that had the status ``before`` at the beginning and ``after``
    at the end.

    None means that the use case did not exist; an empty text means no status. ``rows`` are the
    first of ``n``.
    """

    before: str | None
    after: str | None
    n: int
    rows: tuple[ReportRow, ...]
    platform: str = ""
    is_stuck: bool = False

    @property
    def is_change(self) -> bool:
        return self.before != self.after


@dataclass(frozen=True)
class Report:
    """A report. ``accounts`` has numbers and the first rows by kind. ``knows_changes`` is False if
    the beginning cannot be read: then the report has no changes."""

    accounts: Mapping[str, tuple[int, tuple[ReportRow, ...]]] = field(default_factory=dict)
    statuses: tuple[Group, ...] = ()
    use_cases: tuple[Group, ...] = ()
    updates: tuple[ReportRow, ...] = ()
    update_count: int = 0
    knows_changes: bool = True

    def count(self, kind: str) -> int:
        return self.accounts.get(kind, (0, ()))[0]

    def rows(self, kind: str) -> tuple[ReportRow, ...]:
        return self.accounts.get(kind, (0, ()))[1]


def load(
    wh: Warehouse,
    before: Namespace | None,
    listing: Listing,
    period: Period,
    shown: int,
    platform: str = "",
) -> Report:
    """Return the report; ``wh`` reads the end of the period and ``before`` its beginning.

    One statement, two if policies or removed files prevent reading the beginning. ``platform``
    restricts the report to that platform. If the list is filtered by platform or status, the
    deleted accounts are unknown. Raises WarehouseError.
    """
    if before is not None:
        beginning = before
        try:
            return notes.read(
                wh, lambda has: _read(wh, beginning, listing, period, shown, platform, has)
            )
        except StatementFailed as error:
            if not (error.is_refused_by_policy or change_feed.is_too_early(error)):
                raise
    now = wh.namespace
    return notes.read(wh, lambda has: _read(wh, now, listing, period, shown, platform, has))


def _read(
    wh: Warehouse,
    before: Namespace,
    listing: Listing,
    period: Period,
    shown: int,
    platform: str,
    has_notes: bool,
) -> Report:
    query = Query.of(wh.namespace, listing, _account_list.SOURCE, "a_")
    chosen, bound = query.matching(_CHOSEN, "", is_part=True)
    recorded = query.before()
    if recorded:  # the statement can read only one of the two moments with it
        gone, bound_gone = "SELECT bsnid, team FROM chosen", dict[str, Any]()
    else:
        earlier = Query.of(before, listing, _account_list.SOURCE, "b_")
        gone, bound_gone = earlier.matching(_CHOSEN, "", is_part=True)
    parts = _parts(wh.namespace, before, gone, platform, has_notes)
    parts |= {"chosen": chosen, "recorded": f"{recorded}," if recorded else "WITH"}
    limits = [
        {"status": status, "moment": moment.astimezone(dt.UTC).isoformat()}
        for status, moment in period.stuck_before.items()
    ]
    params = {
        **bound,
        **bound_gone,
        "not_started": NOT_STARTED,
        "on_hold": ON_HOLD,
        "shown": shown,
        "stale_before": period.stale_before,
        "first_day": period.first,
        "end_day": period.end,
        "limits": json.dumps(limits, ensure_ascii=False),
        **({"platform": platform} if platform else {}),
    }
    answer = wh.query(_sql.fill(_report_sql.SQL, **parts), params)[0]
    return _report(answer, knows_changes=before != wh.namespace)


def _parts(
    now: Namespace, before: Namespace, chosen_before: str, platform: str, has_notes: bool
) -> dict[str, str]:
    """Return the four parts of the statement."""
    reason, reasons = notes.reasons(now, "u", has_notes=has_notes)
    cases, cases_before = _use_cases(now), _use_cases(before)
    of = "{alias}.platform = :platform" if platform else "TRUE"
    return {
        "accounts": _sql.render(
            now,
            _report_sql.ACCOUNTS,
            before=_sql.render(before, "{accounts}"),
            chosen_before=chosen_before,
        ),
        "statuses": _sql.fill(
            _report_sql.STATUSES,
            now=_sql.render(now, STATUSES),
            before=_sql.render(before, STATUSES),
            of_platform=_sql.fill(of, alias="p"),
        ),
        "use_cases": _sql.fill(
            _report_sql.USE_CASES,
            now=cases,
            before=cases_before,
            of_platform=_sql.fill(of, alias="p"),
            reason=reason,
            reasons=reasons,
        ),
        "updates": _sql.fill(
            _report_sql.UPDATES,
            table=_sql.render(now, "{updates}"),
            of_platform=_sql.fill(of, alias="u"),
            length=_LENGTH,
        ),
    }


def _use_cases(namespace: Namespace) -> str:
    several = _sql.render(namespace, _report_sql.SEVERAL)
    parts = {"columns": _report_sql.COLUMNS, "several": several, "length": _LENGTH}
    return _sql.render(namespace, _report_sql.USE_CASE, **parts)


def _report(answer: Row, *, knows_changes: bool) -> Report:
    updates = (answer["updates"] or [{"n": 0, "rows": []}])[0]
    newest = sorted(filter(None, updates["rows"]), key=lambda row: row["place"])
    return Report(
        {row["kind"]: (row["n"], _rows(row["rows"])) for row in answer["accounts"] or ()},
        tuple(_group(row) for row in answer["statuses"] or ()),
        tuple(_group(row) for row in answer["use_cases"] or ()),
        _rows(newest),
        updates["n"],
        knows_changes,
    )


def _group(row: Row) -> Group:
    return Group(
        row["before"],
        row["after"],
        row["n"],
        _rows(row["rows"]),
        row.get("platform") or "",
        bool(row.get("is_stuck")),
    )


def _rows(rows: list[Row | None]) -> tuple[ReportRow, ...]:
    names = ReportRow.__dataclass_fields__
    return tuple(ReportRow(**{n: row[n] for n in names if n in row}) for row in rows if row)


@dataclass(frozen=True)
class Subject:
    """A subject of reports: a value of a column of accounts, and the number of accounts."""

    column: str
    value: str
    count: int


def subjects(wh: Warehouse) -> list[Subject]:
    """Return the VPs, business areas and platforms by name. One statement."""
    rows = wh.query(_sql.render(wh.namespace, _report_sql.SUBJECTS))
    found = [Subject(row["name"], row["value"], row["n"]) for row in rows]
    return sorted(found, key=lambda each: (each.value.lower(), each.value))
