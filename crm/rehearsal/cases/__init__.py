"""What a rehearsal runs, in this order: later cases use what earlier ones made."""

from __future__ import annotations

from . import changes, past, reading, refusals, setting_up
from .stage import Case

ALL: tuple[Case, ...] = (
    *setting_up.CASES,
    *changes.CASES,
    *reading.CASES,
    *past.CASES,
    *refusals.CASES,
)
