"""The steps of a deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, CHILDREN, TABLES, Table
from crm.repository import _sql, atomic, operations
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.errors import ChangedMeanwhile, HiddenChildren, Missing
from crm.repository.operations import Operation
from crm.repository.steps import Step
from crm.repository.tables.hidden_rows import read_as_app
from crm.warehouse import Warehouse

_STAMP = """
UPDATE {table}
SET updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
WHERE {column} = :key AND NOT (change_id <=> :change_id)
"""
_DELETE = """
DELETE FROM {table} WHERE {column} = :key
"""
# Somebody may have changed the row, or the account, since the stamp.
_DELETE_CHILDREN = """
MERGE INTO {table} AS t USING (
  SELECT DISTINCT bsnid FROM {accounts} WHERE bsnid = :key AND STARTSWITH(change_id, :half)
) AS s ON t.{column} = s.bsnid
WHEN MATCHED THEN DELETE
"""
_DELETE_STAMPED = """
DELETE FROM {table} WHERE {column} = :key AND STARTSWITH(change_id, :half)
"""
# Stops the transaction that deletes, if somebody has changed the account since the stamp.
_IS_STAMPED = """
UPDATE {table} SET change_id = RAISE_ERROR(CONCAT('somebody changed the account ', bsnid))
WHERE {column} = :key AND NOT (change_id <=> :change_id)
  AND NOT COALESCE(STARTSWITH(change_id, :half), FALSE)
"""
_EXISTS = """
SELECT 1 AS found FROM {table} WHERE {column} = :key LIMIT 1
"""
_STAMPS = """
SELECT change_id FROM {table} WHERE {column} = :key
"""
_COUNT = """
SELECT {place} AS place, COUNT(*) AS n FROM {child} WHERE account_bsnid = :bsnid
"""


def begin(wh: Warehouse, table: Table, key: str) -> Operation:
    """Begin the deletion of a row. A person's deletions of the row count as sent from one form, so
    that those of a double click do not take each other's stamps for edits."""
    return operations.of_form(wh, operations.DELETE, f"delete {table.name} {key}")


def stamp(wh: Warehouse, operation: Operation, table: Table, key: str) -> Step:
    """Return the step that stamps the row, so that its history shows who deleted it.

    It is stamped once, even if the statement is sent again, because only a new id makes a stamp.
    The step raises Missing if the person sees no row with the key; this takes one more statement.
    """
    update = _statement(wh, operation, _STAMP, table, table.key, key)
    exists = _render(wh, _EXISTS, table, table.key)

    def run() -> int:
        count = update()
        if not count and not wh.query(exists, {"key": key}):
            raise Missing(key)
        return count

    return Step(f"Note who deletes the {table.singular}", run)


def delete_stamped(
    wh: Warehouse, operation: Operation, name: str, table: Table, key: str, *, blind: bool = True
) -> Step:
    """Return the step that deletes the stamped row.

    The step raises ChangedMeanwhile if somebody changed the row since the stamp: with that
    person's stamp, nobody would know who deleted it. If a mask hides the stamp, so that nobody can
    tell, a ``blind`` step deletes the row in any case.
    """
    delete = _statement(wh, operation, _DELETE_STAMPED, table, table.key, key)
    delete_any = _statement(wh, operation, _DELETE, table, table.key, key)
    stamps = _render(wh, _STAMPS, table, table.key)

    def run() -> int:
        count = delete()
        left = [] if count else [row["change_id"] for row in wh.query(stamps, {"key": key})]
        if left and (not blind or any(map(operations.is_id, left))):
            raise ChangedMeanwhile(key)
        return delete_any() if left else count

    return Step(name, run)


def delete_children(wh: Warehouse, operation: Operation, child: Table, bsnid: str) -> Step:
    """Return the step that deletes the rows of a stamped account in this table; steps for other
    tables may run at the same time."""
    delete = _statement(wh, operation, _DELETE_CHILDREN, child, child.owner, bsnid)
    return Step(f"Delete its {child.plural}", delete, parallel=True)


def together(
    wh: Warehouse, operation: Operation, tables: Sequence[Table], bsnid: str
) -> list[Step]:
    """Return the steps that stamp and delete an account's rows in these tables, each as one
    statement.

    All rows are stamped, since the history cannot rely on the order of the deletions, which a
    transaction does not keep. The first step raises Missing if there is no such account, the
    second one NotAtomic if somebody has changed it since.
    """

    def run(template: str) -> int:
        statements = [
            Statement(_render(wh, template, table, table.owner), {"key": bsnid}, table)
            for table in tables
        ]
        if template is _DELETE:
            unchanged = _render(wh, _IS_STAMPED, ACCOUNTS, ACCOUNTS.owner)
            statements.insert(-1, Statement(unchanged, {"key": bsnid}))
        try:
            written = atomic.run(wh, operation, statements)
        except NotAtomic as error:
            error.finished = int(template is _DELETE)
            raise
        if template is _STAMP and not written[ACCOUNTS]:
            raise Missing(bsnid)
        return 0

    return [
        Step("Note who deletes the account", partial(run, _STAMP)),
        Step("Delete the account and all that belongs to it", partial(run, _DELETE)),
    ]


def refuse_hidden_children(wh: Warehouse, bsnid: str) -> None:
    """Raise HiddenChildren if the app sees more children of the account than the person.

    The person cannot delete those, so they would be left without an account. Two statements if
    the app has rights of its own; otherwise there is no check. Raises WarehouseError: see
    ``read_as_app``.
    """
    sql = " UNION ALL ".join(
        _sql.render(wh.namespace, _COUNT, place=str(place), child=wh.namespace.table(table))
        for place, table in enumerate(TABLES)
        if table in CHILDREN
    )
    every = read_as_app(wh, lambda app: _counts(app, sql, bsnid)) or {}
    if not any(every.values()):
        return
    seen = _counts(wh, sql, bsnid)
    hidden = {table: n - seen[table] for table, n in every.items() if n > seen[table]}
    if hidden:
        raise HiddenChildren(bsnid, hidden)


def _counts(wh: Warehouse, sql: str, bsnid: str) -> dict[Table, int]:
    return {TABLES[row["place"]]: row["n"] for row in wh.query(sql, {"bsnid": bsnid})}


def _statement(
    wh: Warehouse, operation: Operation, template: str, table: Table, column: str, value: str
) -> Callable[[], int]:
    sql = _render(wh, template, table, column)
    return partial(operations.run, wh, operation, sql, {"key": value}, repeatable=True)


def _render(wh: Warehouse, template: str, table: Table, column: str) -> str:
    home = wh.namespace
    return _sql.render(home, template, table=home.table(table), column=quoted(column))
