"""What a bulk change did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LeftAlone:
    """An account that changed after the preview.

    :param is_gone: the person sees it no more.
    :param is_emptied: its children were deleted before it changed.
    """

    key: str
    name: str
    is_gone: bool
    is_emptied: bool = False


@dataclass(frozen=True)
class Outcome:
    """How many accounts the operation changed, and those that it left alone."""

    written: int
    left: tuple[LeftAlone, ...] = ()
