from __future__ import annotations

import datetime as dt
import uuid

from crm.model.records import PlatformStatus
from crm.model.schema import PLATFORMS_STATUS
from crm.repository import _sql, operations
from crm.repository.errors import Stale, StatusGone
from crm.warehouse import Warehouse

from . import _key, _saving
from ._key import Key

_IDS = uuid.UUID("6f1c2a52-6f0b-5d0e-9a38-3a7d0f6a7b11")

_SET_STATUS = """
MERGE INTO {platforms_status} AS t
USING (
  SELECT CAST(:id AS STRING) AS id, a.bsnid AS account_bsnid,
    CAST(:platform AS STRING) AS platform, CAST(:status AS STRING) AS status,
    CAST(:seen AS TIMESTAMP) AS seen,
    CURRENT_TIMESTAMP() AS now, CAST(:actor AS STRING) AS actor,
    CAST(:change_id AS STRING) AS change_id
  FROM {one_account} AS a
) AS s
ON t.account_bsnid = s.account_bsnid AND t.platform = s.platform
WHEN MATCHED AND t.updated_at <=> s.seen AND NOT (t.status <=> s.status) THEN UPDATE SET
  status = s.status, updated_at = s.now, updated_by = s.actor, change_id = s.change_id
WHEN NOT MATCHED AND s.seen IS NULL THEN INSERT
  (id, account_bsnid, platform, status, created_at, updated_at, created_by, updated_by, change_id)
  VALUES
  (s.id, s.account_bsnid, s.platform, s.status, s.now, s.now, s.actor, s.actor, s.change_id)
"""


def new_id(bsnid: str, platform: str) -> str:
    """Return the id of a new row. It follows from account and platform: people who add the row at
    once add the same row."""
    return str(uuid.uuid5(_IDS, f"{bsnid}\n{platform}"))


def list_for(wh: Warehouse, bsnid: str) -> tuple[PlatformStatus, ...]:
    """Return an account's statuses by platform. One statement."""
    sql = """
    SELECT {columns} FROM {platforms_status} AS p
    WHERE p.account_bsnid = :bsnid
    ORDER BY p.platform, p.id
    """
    columns = _sql.names(PLATFORMS_STATUS.names, "p")
    rows = wh.query(_sql.render(wh.namespace, sql, columns=columns), {"bsnid": bsnid})
    return tuple(_sql.record(PlatformStatus, row) for row in rows)


def set_status(
    wh: Warehouse, bsnid: str, platform: str, status: str, seen: dt.datetime | None
) -> PlatformStatus | None:
    """Set one platform's status, and return the row; None if a row filter hides it.

    :param seen: the row's ``updated_at`` as the person saw it; None if there was no row.

    Raises Stale, with the row as it is now, if it changed since, and Missing if the account does
    not exist; StatusGone if the person saw a row and sees none now; AlreadyExists if only the
    app's own rights show a status; and NotSaved. A status that the row has already is not
    written, and is no conflict. Two statements.
    """
    key = Key(PLATFORMS_STATUS, {"account_bsnid": bsnid, "platform": platform}, bsnid)
    id = new_id(bsnid, platform)
    words = {"id": id, "bsnid": bsnid, "platform": platform, "status": status or None}
    params = {**words, "seen": seen}
    one_account = _key.one_account(wh.namespace)
    sql = _sql.render(wh.namespace, _SET_STATUS, one_account=one_account)
    if seen is None:
        _saving.refuse_hidden(wh, key)
    saved = _saving.save(
        wh,
        key,
        operations.EDIT,
        lambda operation: operations.run(wh, operation, sql, params, repeatable=False),
    )
    if saved.rows is None:
        return PlatformStatus(id, bsnid, platform, status)
    row = _saving.keep_one(wh, key, saved)
    if row is None and not saved.written:
        # Whether it was deleted or a row filter hides it, no second row may be inserted.
        _saving.refuse_hidden(wh, key)
        raise StatusGone(platform)
    if row is None:
        return None
    current = _sql.record(PlatformStatus, row)
    if (current.status or "") != status:
        raise Stale(current)
    return current
