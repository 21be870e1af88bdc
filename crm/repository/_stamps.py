"""Tells by times which row versions the CRM wrote. Only for versions without ``change_id``.

Every write of the CRM stamps its rows: ``updated_at`` is the statement's start and ``updated_by``
the person. Delta's commit follows within seconds or, for long statements, minutes. A change whose
stamp is further from its commit was made outside the CRM, such as in an SQL editor. Ids, which
need no clocks, tell this of all rows that were written since: see operations.py.
"""

from __future__ import annotations

import datetime as dt

STAMPED_WITHIN = dt.timedelta(minutes=10)
INTERVAL = f"INTERVAL {STAMPED_WITHIN // dt.timedelta(seconds=1)} SECONDS"


def is_ours(commit: dt.datetime, stamp: dt.datetime | None) -> bool:
    """Return whether a commit at this moment can be the one that wrote this stamp."""
    return stamp is not None and abs(commit - stamp) < STAMPED_WITHIN
