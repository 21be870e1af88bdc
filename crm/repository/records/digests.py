"""The recipients of digests, how often each gets one, and the state of each one's last digest.

A digest is sent in three steps: ``claim`` commits that it is being sent, then it is sent, then
``note`` commits the result. No transaction spans two systems, so if a run ends between the first
and the last step, it is unclear whether the digest was sent. A claim changes the recipient's one
row, so that only one of two simultaneous runs succeeds.

These are settings of people and notes about the CRM's own work, not data of accounts. Without the
table nobody gets digests.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from crm.repository import _sql
from crm.repository.steps import insist
from crm.warehouse import Warehouse

DAILY, WEEKLY, NONE = "daily", "weekly", "none"
# The states of a digest. NOTHING: it was empty, so nothing was sent. REFUSED: the mail server or
# the chat refused it, so it can be sent again.
SENDING, SENT, NOTHING, REFUSED = "sending", "sent", "nothing", "refused"

_CHOICE = "SELECT every, told_until FROM {digests} WHERE recipient = :recipient"
_CHOOSE = """
MERGE INTO {digests} AS t
USING (SELECT CAST(:recipient AS STRING) AS recipient, CAST(:every AS STRING) AS every) AS s
ON t.recipient = s.recipient
WHEN MATCHED THEN UPDATE SET every = s.every, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (recipient, every, updated_at)
  VALUES (s.recipient, s.every, CURRENT_TIMESTAMP())
"""
_ADD_CHAT = """
MERGE INTO {digests} AS t
USING (SELECT CAST(:recipient AS STRING) AS recipient) AS s
ON t.recipient = s.recipient
WHEN NOT MATCHED THEN INSERT (recipient, updated_at) VALUES (s.recipient, CURRENT_TIMESTAMP())
"""
_LIST = """
SELECT recipient, MAX(every) AS every, MAX(told_until) AS told_until,
  MAX_BY(period, begun_at) AS period, MAX_BY(state, begun_at) AS state,
  MAX_BY(run, begun_at) AS run, MAX(begun_at) AS begun_at
FROM {digests} WHERE every IN ('daily', 'weekly') OR recipient = :chat
GROUP BY recipient ORDER BY recipient
"""
# Not if it is being sent, or was sent.
_CLAIM = """
UPDATE {digests} SET period = :period, state = 'sending', run = :run,
  begun_at = CURRENT_TIMESTAMP(), updated_at = CURRENT_TIMESTAMP()
WHERE recipient = :recipient
  AND (period IS NULL OR period <> :period OR state = 'refused'
    OR (state = 'sending' AND run = :instead_of))
"""
_RUNS = "SELECT DISTINCT run FROM {digests} WHERE recipient = :recipient AND period = :period"
_WITHDRAW = """
UPDATE {digests} SET period = NULL, state = NULL, run = NULL, begun_at = NULL,
  updated_at = CURRENT_TIMESTAMP()
WHERE recipient = :recipient AND run = :run
"""
_NOTE = """
UPDATE {digests} SET state = :state,
  told_until = COALESCE(CAST(:told_until AS TIMESTAMP), told_until),
  updated_at = CURRENT_TIMESTAMP()
WHERE recipient = :recipient AND run = :run AND state = 'sending'
"""


@dataclass(frozen=True)
class Recipient:
    """A recipient, and their last digest.

    :param name: an e-mail address, or a chat.
    :param every: DAILY or WEEKLY; empty for a chat.
    :param told_until: the end of the time that the last sent digest covers.
    :param period: the period of the last digest, empty if there was none. The digest's ``state``,
        the id of its attempt, and the beginning of that follow.
    """

    name: str
    every: str = ""
    told_until: dt.datetime | None = None
    period: str = ""
    state: str = ""
    run: str = ""
    begun_at: dt.datetime | None = None


def period_of(every: str, day: dt.date) -> str:
    """Return the period of the day: ``2026-11-27``, or the week ``2026-W48``."""
    year, week, _ = day.isocalendar()
    return day.isoformat() if every == DAILY else f"{year}-W{week:02}"


def choice(wh: Warehouse, person: str) -> Recipient:
    """Return how often the person wants a digest. One statement. Raises WarehouseError."""
    rows = wh.query(_sql.render(wh.namespace, _CHOICE), {"recipient": person})
    row = rows[0] if rows else {"every": None, "told_until": None}
    return Recipient(person, row["every"] or NONE, row["told_until"])


def choose(wh: Warehouse, person: str, every: str) -> None:
    """Save how often the person wants a digest. Raises WarehouseError; ValueError for other
    words."""
    if every not in (DAILY, WEEKLY, NONE):
        raise ValueError(every)
    _write(wh, _CHOOSE, {"recipient": person, "every": every})


def recipients(wh: Warehouse, chat: str = "") -> list[Recipient]:
    """Return the people who want a digest, and the chat. One statement, with a chat two."""
    if chat:
        _write(wh, _ADD_CHAT, {"recipient": chat})
    rows = wh.query(_sql.render(wh.namespace, _LIST), {"chat": chat})
    return [
        Recipient(
            row["recipient"],
            row["every"] or "",
            row["told_until"],
            row["period"] or "",
            row["state"] or "",
            row["run"] or "",
            row["begun_at"],
        )
        for row in rows
    ]


def claim(wh: Warehouse, name: str, period: str, run: str, instead_of: str = "") -> bool:
    """Commit that this run is going to send the digest of the period.

    Two statements; three if two runs claim two rows. Return False if it is being sent, or was
    sent. ``instead_of`` is the id of an attempt with an unclear result, to send the digest again.
    Raises WarehouseError: then it is unclear whether the claim succeeded, and the run must send
    nothing.
    """
    params = {"recipient": name, "period": period, "run": run, "instead_of": instead_of}
    _write(wh, _CLAIM, params)
    # The number of changed rows does not count: if an answer was lost, the statement ran twice and
    # found its own claim. If a recipient has two rows, since two runs added it at the same moment,
    # each run may claim one of them. Then this one withdraws: its claim would look as if nobody
    # knew whether the digest was sent.
    sql = _sql.render(wh.namespace, _RUNS)
    rows = insist(wh, lambda: wh.query(sql, {"recipient": name, "period": period}))
    runs = {row["run"] for row in rows}
    if run in runs and runs != {run}:
        _write(wh, _WITHDRAW, {"recipient": name, "run": run})
    return runs == {run}


def note(
    wh: Warehouse, name: str, run: str, state: str, told_until: dt.datetime | None = None
) -> None:
    """Note the result of a run's digest. Raises WarehouseError."""
    params = {"recipient": name, "run": run, "state": state, "told_until": told_until}
    _write(wh, _NOTE, params)


def _write(wh: Warehouse, template: str, params: dict[str, Any]) -> int:
    sql = _sql.render(wh.namespace, template)
    return insist(wh, lambda: wh.execute(sql, params, repeatable=True))
