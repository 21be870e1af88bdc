from __future__ import annotations

import datetime as dt
from functools import partial

from crm.model import vocabulary
from crm.model.records import (
    Account,
    AccountDetail,
    PlatformStatus,
    Update,
    UseCase,
)
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)
from crm.repository import _sql, atomic, operations
from crm.repository._sql import Row, Values
from crm.repository.atomic import NotAtomic
from crm.repository.operations import Operation
from crm.repository.similar_keys import are_similar
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.repository.tables import notes
from crm.warehouse import Warehouse

from . import _children, _deleting, _saving, mine
from ._account_list import FILTERS, SORTS, facet, find_all, search, step
from ._key import Key

__all__ = [
    "FILTERS",
    "SORTS",
    "create",
    "delete",
    "facet",
    "find_all",
    "get",
    "get_detail",
    "search",
    "step",
    "update",
]

_CREATE = """
MERGE INTO {accounts} AS t
USING (
  SELECT CAST(:bsnid AS STRING) AS bsnid, {bound},
    CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor,
    CAST(:change_id AS STRING) AS change_id
) AS s
ON {are_similar}
WHEN NOT MATCHED THEN INSERT
  (bsnid, {names}, created_at, updated_at, created_by, updated_by, change_id)
  VALUES (s.bsnid, {sources}, s.now, s.now, s.actor, s.actor, s.change_id)
"""


def get(wh: Warehouse, bsnid: str) -> Account | None:
    """Return the account, or None; of several rows the one that changed last. One statement."""
    sql = """
    SELECT {columns} FROM {accounts} AS a WHERE a.bsnid = :bsnid
    """
    columns = _sql.names(ACCOUNTS.names, "a")
    rows = wh.query(_sql.render(wh.namespace, sql, columns=columns), {"bsnid": bsnid})
    return _sql.record(Account, _sql.latest_first(rows)[0]) if rows else None


def get_detail(wh: Warehouse, bsnid: str, person: str = "") -> AccountDetail | None:
    """Return the account with its children, or None; of several rows the one that changed last.

    ``person`` may follow it. One statement.
    """

    def read(of: str) -> AccountDetail | None:
        return notes.read(wh, lambda has_notes: _get_detail(wh, bsnid, of, has_notes=has_notes))

    return mine.if_possible(wh, lambda can: read(person if can else ""), bool(person))[0]


def _get_detail(
    wh: Warehouse, bsnid: str, person: str, *, has_notes: bool
) -> AccountDetail | None:
    sql = """
    SELECT
      {columns},
      (SELECT COLLECT_LIST({platform}) FROM {platforms_status} AS p {of_platform}
        WHERE p.account_bsnid = :bsnid) AS platform_rows,
      (SELECT COLLECT_LIST({use_case}) FROM {use_cases} AS c {of_use_case}
        WHERE c.account_bsnid = :bsnid) AS use_case_rows,
      (SELECT COLLECT_LIST({update}) FROM {updates} AS u
        WHERE u.account_bsnid = :bsnid) AS update_rows,
      {follows} AS follows
    FROM {accounts} AS a
    WHERE a.bsnid = :bsnid
    """
    platform, of_platform = notes.reasons(wh.namespace, "p", has_notes=has_notes)
    use_case, of_use_case = notes.reasons(wh.namespace, "c", has_notes=has_notes)
    parts = {
        "columns": _sql.names(ACCOUNTS.names, "a"),
        "platform": _sql.struct(PLATFORMS_STATUS, "p", f"'reason', {platform}"),
        "of_platform": of_platform,
        "use_case": _sql.struct(USE_CASES, "c", f"'reason', {use_case}"),
        "of_use_case": of_use_case,
        "update": _sql.struct(UPDATES, "u"),
        "follows": mine.follows(wh.namespace, person),
    }
    params = {"bsnid": bsnid} | ({"person": person} if person else {})
    rows = wh.query(_sql.render(wh.namespace, sql, **parts), params)
    return _detail(_sql.latest_first(rows)[0], len(rows)) if rows else None


def _detail(row: Row, copies: int) -> AccountDetail:
    team = row["team"]
    platforms = sorted(row["platform_rows"], key=lambda item: _place("platform", item))
    use_cases = sorted(row["use_case_rows"], key=lambda item: _place("status", item))
    updates = _sql.newest_first(row["update_rows"])
    return AccountDetail(
        account=_sql.record(Account, row),
        platforms=tuple(_sql.record(PlatformStatus, item) for item in platforms),
        use_cases=tuple(_sql.record(UseCase, {**item, "team": team}) for item in use_cases),
        updates=tuple(_sql.record(Update, {**item, "team": team}) for item in updates),
        copies=copies,
        is_followed=None if row["follows"] is None else row["follows"] > 0,
    )


def _place(name: str, row: Row) -> tuple[int, str, str]:
    """Return the sort key of a row: the order of the vocabulary's words, then unknown words."""
    words = vocabulary.platforms() if name == "platform" else vocabulary.use_case_statuses()
    value = row[name] or ""
    return (words.index(value) if value in words else len(words), value, row["id"])


def create(
    wh: Warehouse, values: Values, form: str = "", operation: Operation | None = None
) -> bool:
    """Insert an account, and return whether the person sees it: a row filter may hide it.

    :param values: ``bsnid`` and any of the other columns.
    :param form: identifies the form, which may be sent again; see ``_saving.create``.
    :param operation: the operation of the form, if this is a part of a larger operation.

    Raises AlreadyExists, also if the existing account is hidden from the person but not from the
    app, or if an account has a similar key.
    """
    bsnid = values["bsnid"]
    rest = {name: value for name, value in values.items() if name != "bsnid"}
    parts, params = _sql.insert_parts(ACCOUNTS, rest)
    parts["are_similar"] = are_similar("t.bsnid", "s.bsnid")
    text, key = _sql.render(wh.namespace, _CREATE, **parts), Key(ACCOUNTS, {"bsnid": bsnid})
    _saving.refuse_hidden(wh, key, form)
    params["bsnid"] = bsnid
    return _saving.create(
        wh,
        key,
        rest,
        form,
        insert=lambda operation: operations.run(wh, operation, text, params, repeatable=False),
        update=lambda row: update(wh, bsnid, rest, row["updated_at"]),
        operation=operation,
    )


def update(
    wh: Warehouse,
    bsnid: str,
    values: Values,
    seen: dt.datetime | None,
    operation: Operation | None = None,
) -> bool:
    """Update the account; without ``operation`` as a separate edit. Return False if it had all
    the values when it was ``seen``.

    Raises Missing, and Stale with the present account if it changed since ``seen``. Values that
    the account already has are not written and are no conflict, so this is safe to repeat.
    """
    sql = """
    UPDATE {accounts}
    SET {assignments}updated_at = CURRENT_TIMESTAMP(), updated_by = :actor, change_id = :change_id
    WHERE bsnid = :bsnid AND updated_at <=> CAST(:seen AS TIMESTAMP) AND NOT ({same})
    """
    saved = _sql.checked(ACCOUNTS, values)
    parts = _sql.update_parts(ACCOUNTS, saved)
    params = {**saved, "bsnid": bsnid, "seen": seen}
    operation = operation or operations.new(wh, operations.EDIT)
    text = _sql.render(wh.namespace, sql, **parts)
    written = _saving.update(
        saved,
        seen,
        key=bsnid,
        run=lambda: operations.run(wh, operation, text, params, repeatable=True),
        read=lambda: get(wh, bsnid),
    )
    return written != 0


def delete(wh: Warehouse, bsnid: str, earlier: Earlier = NOTHING) -> None:
    """Delete the account with its children, continuing after ``earlier`` attempts.

    Raises HalfDone, and ChangedMeanwhile if somebody changed the account since it was stamped.
    Before it writes, raises Missing if the person sees no such account, and HiddenChildren.

    If the warehouse has transactions, one stamps all the rows and one deletes them. Otherwise the
    account is stamped first, and children are deleted before the account, so that a failure leaves
    no orphans. The tables of children are written at the same time. Children that somebody added
    meanwhile are deleted at the end.
    """
    operation = _deleting.begin(wh, ACCOUNTS, bsnid).resume(earlier.operation)
    if not earlier.done:
        _deleting.refuse_hidden_children(wh, bsnid)
    else:  # even if it was deleted, somebody may have brought it back
        operations.require_unchanged(wh, operation, ACCOUNTS, bsnid)
    orphans = Step(
        "Delete what others added to it meanwhile",
        partial(_delete_orphans, wh, bsnid, operation),
    )
    done = earlier.done
    # What an attempt began step by step must not go on in a transaction: it stamps no children.
    if not done and atomic.is_possible(wh):
        both = _deleting.together(wh, operation, (*CHILDREN, ACCOUNTS), bsnid)
        try:
            run_steps(wh, operation, [*both, orphans])
            return
        except NotAtomic as error:
            done = error.finished
            if done:
                operations.require_unchanged(wh, operation, ACCOUNTS, bsnid)
    run_steps(wh, operation, [*_deleting_alone(wh, operation, bsnid), orphans], done=done)


def _deleting_alone(wh: Warehouse, operation: Operation, bsnid: str) -> list[Step]:
    """Return the steps that stamp and delete the account and its children, a statement each."""
    return [
        _deleting.stamp(wh, operation, ACCOUNTS, bsnid),
        *(_deleting.delete_children(wh, operation, child, bsnid) for child in CHILDREN),
        _deleting.delete_stamped(wh, operation, "Delete the account itself", ACCOUNTS, bsnid),
    ]


def _delete_orphans(wh: Warehouse, bsnid: str, operation: Operation) -> int:
    return _children.delete_orphans(wh, operation, partial(_orphans, wh, bsnid))


def _orphans(wh: Warehouse, bsnid: str) -> list[tuple[Table, str]]:
    """Return the children of an account that does not exist."""
    branch = """
    SELECT {place} AS place, c.id FROM {child} AS c LEFT ANTI JOIN {accounts} AS a
    ON a.bsnid = c.account_bsnid WHERE c.account_bsnid = :bsnid
    """
    branches = [
        _sql.render(
            wh.namespace, branch, place=str(TABLES.index(table)), child=wh.namespace.table(table)
        )
        for table in CHILDREN
    ]
    rows = wh.query(" UNION ALL ".join(branches), {"bsnid": bsnid})
    return [(TABLES[row["place"]], row["id"]) for row in rows]
