"""Sends each recipient's digest of a period once, whenever and wherever the run is ended.

What can be prepared is prepared first, then the claim is committed, then the digest goes out, then
that is noted: see crm/repository/records/digests.py. A run that is ended in between leaves a
digest of which nobody can tell whether it went out. It is never sent again by itself: the next run
names it, and a person decides. The next period's digest tells the same again in any case, since it
begins where the last one ended that was noted as sent.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from crm.repository.records import digests
from crm.repository.records.digests import NOTHING, REFUSED, SENDING, SENT, Recipient
from crm.warehouse import Warehouse, now
from crm.warehouse.errors import WarehouseError

from .content import Digest
from .delivery import Refused, Send, Unclear

# For so long nobody may say how an unclear digest ended: another run may be at work on it.
MAY_BE_AT_WORK = dt.timedelta(minutes=5)
# What a person says about unclear digests: send them again, or note that they were sent.
RESEND, WAS_SENT = "resend", "sent"


@dataclass(frozen=True)
class Outcome:
    """How one recipient's digest went, in words; ``is_problem``: somebody should look at it."""

    text: str
    is_problem: bool = False


def key_of(wh: Warehouse, name: str, period: str) -> str:
    """Return the same key for each attempt to send the recipient the digest of the period."""
    place = wh.namespace
    text = f"{place.catalog}\n{place.schema}\n{place.prefix}\n{name}\n{period}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def send(
    wh: Warehouse,
    to: Recipient,
    period: str,
    load: Callable[[], Digest],
    prepare: Callable[[Digest], Send],
    unclear: str = "",
) -> Outcome:
    """Send the recipient the digest of the period, unless that is done.

    :param prepare: does all that can fail before the digest goes out, and returns what sends it.
    :param unclear: RESEND or WAS_SENT, for a digest of which it is unclear whether it was sent.

    Raises WarehouseError and Refused, and then nothing was sent.
    """
    if to.period == period and to.state in (SENT, NOTHING):
        return Outcome("was sent already" if to.state == SENT else "there was nothing to report")
    instead_of = ""
    if to.period == period and to.state == SENDING:
        if not unclear or _may_be_at_work(to):
            return Outcome(_says_unclear(to), is_problem=True)
        if unclear == WAS_SENT:
            # It told up to a moment before that. Rather tell some minutes twice.
            told_until = to.begun_at - MAY_BE_AT_WORK if to.begun_at else None
            digests.note(wh, to.name, to.run, SENT, told_until)
            return Outcome("is noted as sent")
        instead_of = to.run
    digest, run = load(), uuid.uuid4().hex
    hand_over = None if digest.is_empty else prepare(digest)
    if not digests.claim(wh, to.name, period, run, instead_of):
        return Outcome("another run sends it, or has sent it")
    return _send_and_note(wh, to, run, digest, hand_over)


def _send_and_note(
    wh: Warehouse, to: Recipient, run: str, digest: Digest, hand_over: Send | None
) -> Outcome:
    if hand_over is None:
        digests.note(wh, to.name, run, NOTHING, digest.until)
        return Outcome("there is nothing to report")
    try:
        hand_over()
    except Refused:
        digests.note(wh, to.name, run, REFUSED)
        raise
    except Unclear as error:
        return Outcome(f"it is unclear whether it was sent: {error}", is_problem=True)
    try:
        digests.note(wh, to.name, run, SENT, digest.until)
    except WarehouseError as error:
        return Outcome(f"was sent, but that was not noted: {error}", is_problem=True)
    return Outcome("sent")


def _may_be_at_work(to: Recipient) -> bool:
    return to.begun_at is None or now() - to.begun_at < MAY_BE_AT_WORK


def _says_unclear(to: Recipient) -> str:
    begun = f"{to.begun_at:%Y-%m-%d %H:%M:%S} UTC" if to.begun_at else "at an unknown time"
    if _may_be_at_work(to):
        return (
            f"is being sent since {begun}, or the run was ended meanwhile. Look again in "
            f"{MAY_BE_AT_WORK.seconds // 60} minutes"
        )
    return (
        f"it is unclear whether it was sent: the run that began {begun} was ended. Look whether "
        "it has arrived. If so, run this again with --unclear=sent, otherwise with "
        "--unclear=resend"
    )
