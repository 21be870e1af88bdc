"""Decide by times whether the CRM wrote a row version. Only for versions without ``change_id``.

Every write of the CRM stamps its rows: ``updated_at`` is the start of the statement and
``updated_by`` the person. Delta's commit follows within seconds or, for long statements, minutes.
If the stamp and the commit are further apart, the change was made outside the CRM, such as in an
SQL editor. Newer row versions have a ``change_id``, which needs no clocks: see operations.py.
"""

from __future__ import annotations

import datetime as dt

STAMPED_WITHIN = dt.timedelta(minutes=10)
INTERVAL = f"INTERVAL {STAMPED_WITHIN // dt.timedelta(seconds=1)} SECONDS"


def is_ours(commit: dt.datetime, stamp: dt.datetime | None) -> bool:
    """Return whether a commit at this moment can have written this stamp."""
    return stamp is not None and abs(commit - stamp) < STAMPED_WITHIN
