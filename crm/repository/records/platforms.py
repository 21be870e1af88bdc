from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field, replace

from crm.model.records import PlatformStatus
from crm.model.schema import PLATFORMS_STATUS
from crm.repository import _sql, operations
from crm.repository.errors import ReasonNotKept, Stale, StatusGone
from crm.repository.operations import Operation
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
    CAST(:change_id AS STRING) AS change_id, CAST(:has_reason AS BOOLEAN) AS has_reason
  FROM {one_account} AS a
) AS s
ON t.account_bsnid = s.account_bsnid AND t.platform = s.platform
WHEN MATCHED AND t.updated_at <=> s.seen AND (s.has_reason OR NOT (t.status <=> s.status))
THEN UPDATE SET
  status = s.status, updated_at = s.now, updated_by = s.actor, change_id = s.change_id
WHEN NOT MATCHED AND s.seen IS NULL THEN INSERT
  (id, account_bsnid, platform, status, created_at, updated_at, created_by, updated_by, change_id)
  VALUES
  (s.id, s.account_bsnid, s.platform, s.status, s.now, s.now, s.actor, s.actor, s.change_id)
"""


def new_id(bsnid: str, platform: str) -> str:
    """Return the id of a new row. It is computed from account and platform, so that two people who
    add the row at the same time add the same row."""
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


def of_account(wh: Warehouse, bsnid: str) -> tuple[str | None, tuple[PlatformStatus, ...]] | None:
    """Return an account's team and its statuses by platform; None without the account.

    One statement.
    """
    sql = """
    SELECT a.team, {columns}
    FROM (
      SELECT bsnid, MAX(team) AS team FROM {accounts} WHERE bsnid = :bsnid GROUP BY bsnid
    ) AS a LEFT JOIN {platforms_status} AS p ON p.account_bsnid = a.bsnid
    ORDER BY p.platform, p.id
    """
    columns = _sql.names(PLATFORMS_STATUS.names, "p")
    rows = wh.query(_sql.render(wh.namespace, sql, columns=columns), {"bsnid": bsnid})
    if not rows:
        return None
    statuses = (_sql.record(PlatformStatus, row) for row in rows if row["id"] is not None)
    return rows[0]["team"], tuple(statuses)


def set_status(
    wh: Warehouse,
    bsnid: str,
    platform: str,
    status: str,
    seen: dt.datetime | None,
    reason: str = "",
    operation: Operation | None = None,
) -> PlatformStatus | None:
    """Set one platform's status, and return the row; None if a row filter hides it.

    :param seen: the ``updated_at`` of the row that the person saw; None if there was no row.
    :param reason: the reason. Without one, a status that the row already has is not written, and
        is no conflict.
    :param operation: the operation of the form, if this is a part of a larger operation.

    Raises Stale, with the present row, if it has changed since; Missing if the account does not
    exist; StatusGone if the person saw a row and sees none now; AlreadyExists if the existing
    status is hidden from the person but not from the app; NotSaved; and ReasonNotKept after the
    status was saved. Two statements, three with a reason.
    """
    key = Key(PLATFORMS_STATUS, {"account_bsnid": bsnid, "platform": platform}, bsnid)
    new = PlatformStatus(new_id(bsnid, platform), bsnid, platform, status)
    setting = _Setting(wh, new, seen, reason)
    if seen is None:
        _saving.refuse_hidden(wh, key)
    saved = _saving.save(wh, key, operation or operations.new(wh, operations.EDIT), setting.run)
    if saved.rows is None:
        return setting.with_reason(new)
    row = _saving.keep_one(wh, key, saved)
    if row is None and saved.written:
        return None
    if row is None:
        # If it was deleted, or a row filter hides it now, no second row may be inserted.
        _saving.refuse_hidden(wh, key)
        raise StatusGone(platform)
    current = _sql.record(PlatformStatus, row)
    if (current.status or "") != status or (setting.noted and not saved.is_own(row)):
        raise Stale(current)
    return setting.with_reason(current)


@dataclass
class _Setting:
    """Notes the reason of a status, then sets the status. ``noted`` has the noting operations."""

    wh: Warehouse
    new: PlatformStatus
    seen: dt.datetime | None
    reason: str
    noted: set[str] = field(default_factory=set)

    def run(self, operation: Operation) -> int:
        if operations.note_reason(self.wh, operation, self.reason):
            self.noted.add(operation.id)
        one_account = _key.one_account(self.wh.namespace)
        sql = _sql.render(self.wh.namespace, _SET_STATUS, one_account=one_account)
        params = {
            "id": self.new.id,
            "bsnid": self.new.account_bsnid,
            "platform": self.new.platform,
            "status": self.new.status or None,
            "seen": self.seen,
            "has_reason": operation.id in self.noted,
        }
        return operations.run(self.wh, operation, sql, params, repeatable=False)

    def with_reason(self, row: PlatformStatus) -> PlatformStatus:
        """Return the row with the reason. Raises ReasonNotKept."""
        if self.reason and not self.noted:
            raise ReasonNotKept(row)
        return replace(row, reason=self.reason or None)
