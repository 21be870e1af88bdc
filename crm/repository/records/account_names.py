"""The accounts that a text names: by their BSNID or their team."""

from __future__ import annotations

from crm.model.records import Account, Listing
from crm.repository import _sql
from crm.warehouse import Warehouse

from . import _account_list

SUGGESTED = 10

_NAMED = """
SELECT bsnid, MAX(team) AS team FROM {accounts}
WHERE bsnid = :text OR LOWER(TRIM(team)) = LOWER(TRIM(CAST(:text AS STRING)))
GROUP BY bsnid ORDER BY bsnid LIMIT 20
"""


def named(wh: Warehouse, text: str) -> list[Account]:
    """Return the account with this BSNID or, without one, those whose team this is.

    One statement.
    """
    rows = wh.query(_sql.render(wh.namespace, _NAMED), {"text": text})
    found = [_sql.record(Account, row) for row in rows]
    return [each for each in found if each.bsnid == text] or found


def suggested(wh: Warehouse, text: str) -> list[Account]:
    """Return some accounts that a search for the text finds. One statement."""
    page = _account_list.search(wh, Listing(q=text, sort="team", size=SUGGESTED))
    return [row.account for row in page.rows]
