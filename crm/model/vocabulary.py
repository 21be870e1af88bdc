"""The words that choices offer. Each list can be replaced by an environment variable.

A word found in the data that is not listed here is kept and shown as it is: forms offer it
beside the listed ones, filters count it.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import configuration

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

# The status that is meant where no row says anything.
NOT_STARTED = "Not Started"


def platforms() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_PLATFORMS)


def onboarding_statuses() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_ONBOARDING_STATUSES)


def use_case_statuses() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_USE_CASE_STATUSES)


def enablement_tiers() -> tuple[str, ...]:
    return tuple(configuration.current().EDIP_ENABLEMENT_TIERS)


def words(name: str) -> tuple[str, ...]:
    """The words of the vocabulary that a column names (``Column.vocabulary``)."""
    return {
        "platforms": platforms,
        "onboarding_statuses": onboarding_statuses,
        "use_case_statuses": use_case_statuses,
        "enablement_tiers": enablement_tiers,
    }[name]()


@dataclass(frozen=True)
class Look:
    """How a status shows: a tone (colour) and an icon, so that it reads without colour."""

    tone: str
    icon: str


_LOOKS = {
    "Not Started": Look("quiet", "minus-circle"),
    "Requested": Look("asked", "inbox-arrow-down"),
    "Planning": Look("asked", "pencil"),
    "In Progress": Look("moving", "arrow-path"),
    "Active": Look("moving", "bolt"),
    "On Hold": Look("held", "pause-circle"),
    "Completed": Look("done", "check-circle"),
    "Cancelled": Look("ended", "x-circle"),
}
_UNKNOWN = Look("quiet", "question-mark-circle")


def look(status: str) -> Look:
    return _LOOKS.get(status, _UNKNOWN)
