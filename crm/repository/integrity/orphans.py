"""Find rows whose account does not exist, and create the account."""

from __future__ import annotations

import json
from collections.abc import Iterator

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, CHILDREN, TABLES
from crm.repository import _sql
from crm.repository.tables import privileges
from crm.repository.tables.hidden_rows import read_as_app
from crm.warehouse import Warehouse

from ._statements import Statement, render

# The most accounts to look up as hidden; their BSNIDs are one parameter.
AT_MOST = 5_000

# ``usable`` are the BSNIDs that the form for a new account accepts (see BsnidField). ``hidden``
# are BSNIDs of accounts that a row filter hides; ``doubt`` is not empty if they are unknown.
_PARAMS = {"usable": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "hidden": "[]", "doubt": ""}
# Where a mask hides one of these, accounts that exist seem to be missing.
_KEYS = tuple((table, table.owner) for table in TABLES)
DOUBT = ", or a row filter hides it"

_IS_HIDDEN = (
    "ARRAY_CONTAINS(FROM_JSON(:hidden, 'array<string>'), COALESCE({alias}account_bsnid, ''))"
)
_ORPHANS = """
SELECT t.id AS key,
  CONCAT('the account ', COALESCE(t.account_bsnid, '(none)'), ' does not exist',
    IF(t.account_bsnid IS NULL, '', :doubt)) AS detail,
  CASE WHEN t.account_bsnid RLIKE :usable AND :doubt = ''
    THEN CONCAT('create the account ', t.account_bsnid) END AS repair
FROM {table} AS t LEFT ANTI JOIN {accounts} AS a ON a.bsnid = t.account_bsnid
WHERE NOT {is_hidden}
"""
_CREATE_ACCOUNTS = """
MERGE INTO {accounts} AS t
USING (
  SELECT DISTINCT account_bsnid AS bsnid FROM ({children}) AS c
  WHERE account_bsnid RLIKE :usable AND :doubt = '' AND NOT {is_hidden}
) AS s
ON t.bsnid = s.bsnid
WHEN NOT MATCHED THEN INSERT
  (bsnid, team, created_at, updated_at, created_by, updated_by, change_id) VALUES
  (s.bsnid, s.bsnid, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), :actor, :actor, :change_id)
"""
_MISSING = """
SELECT DISTINCT c.account_bsnid AS bsnid FROM ({children}) AS c
LEFT ANTI JOIN {accounts} AS a ON a.bsnid = c.account_bsnid
WHERE c.account_bsnid IS NOT NULL LIMIT :at_most
"""
_CHILDREN = "SELECT account_bsnid FROM {child}"
_EXISTING = """
SELECT bsnid FROM {each_bsnid} AS a
WHERE ARRAY_CONTAINS(FROM_JSON(:bsnids, 'array<string>'), bsnid)
"""


def find(namespace: Namespace) -> Iterator[Statement]:
    is_hidden = _sql.fill(_IS_HIDDEN, alias="t.")
    for table in CHILDREN:
        sql = render(namespace, table, _ORPHANS, is_hidden=is_hidden)
        yield Statement(table, sql, _PARAMS, reads=_KEYS)


def create_accounts(namespace: Namespace) -> Iterator[Statement]:
    """Create the missing accounts. This loses no data; a person can move or delete the rows
    later."""
    parts = {"is_hidden": _sql.fill(_IS_HIDDEN, alias=""), "children": _children(namespace)}
    sql = render(namespace, ACCOUNTS, _CREATE_ACCOUNTS, **parts)
    yield Statement(ACCOUNTS, sql, _PARAMS, reads=_KEYS)


def look_for_hidden(wh: Warehouse) -> dict[str, str]:
    """Return parameters that exclude orphans whose account exists, but is hidden by a row filter.
    Empty if there are none.

    The app's own rights show these accounts. If it has none and the accounts have a row filter,
    ``doubt`` says so. At most three statements. Raises WarehouseError.
    """
    found = read_as_app(wh, lambda app: _existing(app, _missing(wh)))
    if found is not None:
        return {"hidden": json.dumps(found)} if found else {}
    return {"doubt": DOUBT} if ACCOUNTS.name in privileges.filtered_tables(wh) else {}


def _existing(app: Warehouse, bsnids: list[str]) -> list[str] | None:
    """Return those BSNIDs of which the app sees an account; None if there are too many."""
    if len(bsnids) > AT_MOST:
        return None
    sql = _sql.render(app.namespace, _EXISTING)
    return [row["bsnid"] for row in app.query(sql, {"bsnids": json.dumps(bsnids)})]


def _missing(wh: Warehouse) -> list[str]:
    """Return the BSNIDs in child rows for which the person sees no account."""
    sql = _sql.render(wh.namespace, _MISSING, children=_children(wh.namespace))
    return [row["bsnid"] for row in wh.query(sql, {"at_most": AT_MOST + 1})]


def _children(namespace: Namespace) -> str:
    """Return the query of the BSNIDs that children have."""
    return " UNION ALL ".join(
        _sql.fill(_CHILDREN, child=namespace.table(table)) for table in CHILDREN
    )
