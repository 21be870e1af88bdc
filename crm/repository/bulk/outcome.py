"""What a bulk change did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LeftAlone:
    """A row that changed after the preview.

    :param is_gone: the person sees it no more.
    :param is_emptied: of an account, whose children were deleted before it changed.
    """

    key: str
    name: str
    is_gone: bool
    is_emptied: bool = False


@dataclass(frozen=True)
class Outcome:
    """How many rows the operation changed, and those that it left alone."""

    written: int
    left: tuple[LeftAlone, ...] = ()
