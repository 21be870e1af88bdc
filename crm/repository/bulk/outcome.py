"""The result of a bulk change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LeftAlone:
    """A row that was not changed, because it had changed after the preview.

    :param is_gone: whether the person no longer sees it.
    :param is_emptied: whether it is an account whose children were deleted before it changed.
    """

    key: str
    name: str
    is_gone: bool
    is_emptied: bool = False


@dataclass(frozen=True)
class Outcome:
    """The number of rows that the operation changed, and the rows that it skipped."""

    written: int
    left: tuple[LeftAlone, ...] = ()
