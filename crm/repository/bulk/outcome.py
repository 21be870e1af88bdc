"""What a bulk change did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LeftAlone:
    """An account that changed after the preview. ``is_gone``: the person sees it no more."""

    key: str
    name: str
    is_gone: bool


@dataclass(frozen=True)
class Outcome:
    """How many accounts the operation changed, and those that it left alone."""

    written: int
    left: tuple[LeftAlone, ...] = ()
