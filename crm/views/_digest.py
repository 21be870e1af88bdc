"""The content of a digest: the accounts' changes since a moment, and what needs attention."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import groupby
from typing import Any

from django.utils import timezone

from crm.digest.content import Account, Digest, Kind, plain
from crm.model.changes import Change
from crm.page_urls import page_url, record_url
from crm.repository import versions
from crm.repository.errors import BeforeTheTables, NoSuchMoment, Protected
from crm.repository.past import diff
from crm.repository.records import attention
from crm.repository.records.account_filter import AccountFilter
from crm.repository.records.attention import Flagged
from crm.warehouse import Warehouse, now
from crm.warehouse.errors import StatementFailed

from . import _attention, _mine

# The most accounts in a digest, the most changes of each, and the most rows of each kind.
ACCOUNTS, LINES, ROWS = 12, 4, 4


def load(
    wh: Warehouse, accounts: AccountFilter, since: dt.datetime, whose: str, path: str
) -> Digest:
    """Return the digest of the accounts, in two statements and those that find the versions.

    Raises WarehouseError.
    """
    until = now()
    unknown, found = "", list[Change]()
    try:
        found = diff.find_changes(_as_of(wh, since), accounts)
    except NoSuchMoment as error:
        unknown = error.summary
    except StatementFailed as error:
        if not error.is_refused_by_policy:
            raise
        unknown = Protected.summary
    changes = found[: diff.SHOWN]
    has_more = len(found) > diff.SHOWN
    changed = _accounts(changes)
    if has_more:  # the last account may have more changes
        changed[-1] = replace(changed[-1], is_cut=True)
    return Digest(
        whose,
        path,
        since,
        until,
        changed[:ACCOUNTS],
        len(changed[ACCOUNTS:]),
        len(changes),
        has_more,
        _kinds(wh, accounts),
        unknown,
    )


def _as_of(wh: Warehouse, since: dt.datetime) -> Warehouse:
    """Return the tables as of the moment; if they did not exist yet, as of their creation."""
    try:
        return versions.as_of(wh, since)
    except BeforeTheTables:
        return versions.as_of(wh, versions.known(wh).earliest)


def _accounts(changes: list[Change]) -> list[Account]:
    """Return the changed accounts, each with its first changes, which come sorted by account."""
    found = []
    for bsnid, of_account in groupby(changes, lambda change: change.bsnid):
        each = list(of_account)
        team = next((change.team for change in each if change.team), bsnid or "(no account)")
        said = [plain(change.what) for change in each[:LINES]]
        lines = [f"{text[:1].upper()}{text[1:]}" for text in said]
        path = record_url("account-detail", bsnid) or page_url("activity")
        found.append(Account(plain(team), path, lines, len(each[LINES:])))
    return found


def _kinds(wh: Warehouse, accounts: AccountFilter) -> list[Kind]:
    """Return the kinds of records that need attention, without empty ones."""
    limits = _attention.limits_of(timezone.localdate())
    found = attention.load(wh, limits, attention.GROUPS[0], accounts)
    more = _query_of(accounts)
    return [
        Kind(
            kind.heading,
            sum(found.counts[kind.key].values()),
            kind.url(),
            [_name(row) for row in found.rows.get(kind.key, ())[:ROWS]],
        )
        for kind in _attention.kinds(limits, found.counts, more)
        if found.counts.get(kind.key)
    ]


def _query_of(accounts: AccountFilter) -> dict[str, Any]:
    """Return the URL parameters that restrict a list to these accounts."""
    return ({_mine.NAME: _mine.ON} if accounts.person else {}) | dict(accounts.values)


def _name(row: Flagged) -> str:
    team = plain(row.team or row.bsnid)
    return f"{team}: {plain(row.what)}" if row.what else team
