"""The result of a bulk change."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """The number of rows that the operation changed, and the rows that it skipped.

    ``is_doubtful``: it is unknown whether the operation deleted those that are gone.
    """

    written: int
    left: tuple[LeftAlone, ...] = ()
    is_doubtful: bool = field(default=False, compare=False)
