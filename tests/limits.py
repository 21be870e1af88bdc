"""What needs attention where a test does not care: nothing but accounts without updates."""

from __future__ import annotations

import datetime as dt

from crm.repository.records.attention import Limits

LIMITS = Limits(dt.date(1, 1, 1), {}, dt.date(9999, 12, 31))
