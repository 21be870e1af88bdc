"""The words that choices offer. An environment variable can replace each list.

The data may have other words, which are kept and shown: forms also offer the record's present
word, and filters count it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from . import configuration
from .characters import BLANKS, HYPHENS, INVISIBLE

# Blanks, hyphens and underscores, and what nobody sees, as they stand between brackets.
SEPARATORS = rf"{BLANKS}_\-{HYPHENS}{INVISIBLE}"
_SEPARATORS = re.compile(f"[{SEPARATORS}]")

# As in "3 - Active".
_NUMBER_BEFORE = re.compile(r"^\d{1,2}\s*[-.):]\s*")

PLATFORMS = ("Databricks", "Snowflake", "Power Platform")
ONBOARDING_STATUSES = ("Not Started", "Requested", "In Progress", "Completed")
USE_CASE_STATUSES = (
    "Not Started",
    "Planning",
    "Active",
    "In Progress",
    "On Hold",
    "Completed",
    "Cancelled",
)
ENABLEMENT_TIERS = ("Self-Service", "Guided", "Managed")

# The status of an account that has no row for a platform.
NOT_STARTED = "Not Started"
# The status of a paused use case; it should have a reason.
ON_HOLD = "On Hold"
# The first and last status of an onboarding, between which the trends measure the time.
REQUESTED, COMPLETED = "Requested", "Completed"


def platforms() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_PLATFORMS)


def onboarding_statuses() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_ONBOARDING_STATUSES)


def use_case_statuses() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_USE_CASE_STATUSES)


def enablement_tiers() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_ENABLEMENT_TIERS)


def words(name: str) -> tuple[str, ...]:
    """Return the words of the list with this name (``Column.vocabulary``)."""
    return {
        "platforms": platforms,
        "onboarding_statuses": onboarding_statuses,
        "use_case_statuses": use_case_statuses,
        "enablement_tiers": enablement_tiers,
    }[name]()


def word_like(name: str, text: str) -> str:
    """Return the word of a list that differs from a text only in case, or also in separators
    (``in_progress``), invisible characters, their widths, a number before it, and signs beside it;
    else the text."""
    known = words(name)
    if text in known:
        return text
    for form in (str.casefold, joined, _without_marks):
        if same := [word for word in known if form(word) == form(text)]:
            return same[0]
    return text


def joined(text: str) -> str:
    """Return the text without separators, in lower case and with usual widths."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _SEPARATORS.sub("", plain).casefold()


def _without_marks(text: str) -> str:
    """Return ``joined`` of the text without a number and signs such as ✅ before it."""
    if text.isascii() and not text[:1].isdigit():
        return joined(text)
    signs = "".join(char for char in text if unicodedata.category(char) == "So")
    return joined(_NUMBER_BEFORE.sub("", text.strip(f"{signs}\ufe0f \t")))


@dataclass(frozen=True)
class Appearance:
    """A status' colour (``tone``), and its icon for people who cannot see colours."""

    tone: str
    icon: str


_APPEARANCES = {
    "Not Started": Appearance("quiet", "minus-circle"),
    "Requested": Appearance("asked", "inbox-arrow-down"),
    "Planning": Appearance("asked", "pencil"),
    "In Progress": Appearance("moving", "arrow-path"),
    "Active": Appearance("moving", "bolt"),
    "On Hold": Appearance("held", "pause-circle"),
    "Completed": Appearance("done", "check-circle"),
    "Cancelled": Appearance("ended", "x-circle"),
}
_UNKNOWN = Appearance("quiet", "question-mark-circle")


def appearance(status: str) -> Appearance:
    return _APPEARANCES.get(status, _UNKNOWN)
