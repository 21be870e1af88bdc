"""The cases of a rehearsal, in this order: later cases use the results of earlier ones."""

from __future__ import annotations

from . import changes, looking_up, past, reading, refusals, setting_up
from .stage import Case

ALL: tuple[Case, ...] = (
    *setting_up.CASES,
    *changes.CASES,
    *reading.CASES,
    *past.CASES,
    *looking_up.CASES,
    *changes.TOGETHER,
    *looking_up.TOGETHER,
    *refusals.CASES,
)
