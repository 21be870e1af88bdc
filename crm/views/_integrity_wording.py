"""The sentences of the integrity checks and their repairs."""

from __future__ import annotations

from ._wording import NO_UNDO, counted

DOUBTFUL_ORPHANS = (
    "The accounts have a row filter. EDIP CRM does not know whether the filter hides the accounts "
    "of these rows, or whether they do not exist. So EDIP CRM does not create them."
)
MASKED = "A column mask hides what some repairs depend on, so EDIP CRM does not make them."


def problems(total: int) -> str:
    if not total:
        return "The checks found no problems."
    return f"The checks found {counted(total, 'problem')} that Unity Catalog does not prevent."


def repair(
    shown: int,
    repairable: int,
    *,
    by_key: bool = False,
    is_undoable: bool = True,
    is_masked: bool = False,
) -> str:
    """Say what a repair will do. The page shows ``shown`` of the ``repairable`` problems."""
    if not shown:
        return MASKED if is_masked else "There is nothing left to repair."
    undo = "The history will show the repair, and you can revert it there."
    if not is_undoable:
        undo = NO_UNDO
    elif by_key:
        undo = (
            "You cannot undo this here, since EDIP CRM cannot distinguish rows with the same "
            "key afterwards; only restoring the tables would undo it."
        )
    first = (
        f" This page shows the first {shown:,} of {repairable:,}." if shown < repairable else ""
    )
    masked = f" {MASKED}" if is_masked else ""
    return f"The repair will make these changes. {undo}{first}{masked}"


def repaired(title: str, count: int, noun: str) -> str:
    return f"{title}: {counted(count, noun)} {'was' if count == 1 else 'were'} repaired."
