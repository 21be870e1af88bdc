"""From what people write over a column, or call a file, to our names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crm.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES, Table

_TABLE_NAMES = {
    ACCOUNTS: ("accounts", "account", "teams"),
    PLATFORMS_STATUS: ("platforms_status", "platform_status", "platform_statuses", "platforms"),
    USE_CASES: ("use_cases", "use_case", "usecases"),
    UPDATES: ("updates", "update"),
}
_ALIASES = {
    ACCOUNTS: {
        "bsnid": ("bsnid_uid", "bsn_id", "uid", "account_bsnid", "account_id", "id"),
        "team": ("team_name", "account", "account_name"),
        "business_area": ("area", "business_it_area"),
        "admin": ("team_admin", "administrator"),
        "primary_it_partner": ("it_partner", "primary_it_partners"),
        "azure_devops_link": ("azure_devops_links", "azure_devops", "ado_link", "ado_links"),
        "artifacts_folder_link": (
            "artifacts_folder_links",
            "artifacts_folder",
            "artifacts_link",
            "artifacts",
        ),
    },
    PLATFORMS_STATUS: {
        "id": ("status_id", "platform_status_id"),
        "status": ("onboarding_status", "platform_status"),
    },
    USE_CASES: {
        "id": ("use_case_id",),
        "enablement_tier": ("tier",),
        "status": ("use_case_status",),
    },
    UPDATES: {
        "id": ("update_id",),
        "date": ("update_date",),
        "description": ("update", "text", "notes"),
    },
}
_PARENT = ("bsnid", "bsnid_uid", "bsn_id", "account", "account_id", "account_uid", "uid")


def normal(heading: str) -> str:
    """``BSNID (UID)`` → ``bsnid_uid``."""
    return re.sub(r"[^a-z0-9]+", "_", heading.strip().lower()).strip("_")


def table_of(name: str, prefix: str = "") -> Table | None:
    """The table that a file or a sheet is named after."""
    plain = normal(name).removeprefix(normal(prefix)).strip("_")
    for prefix_word in ("edip_crm_", "edip_", "crm_"):
        plain = plain.removeprefix(prefix_word)
    return next((table for table in TABLES if plain in _TABLE_NAMES[table]), None)


def columns_of(
    table: Table, headings: Iterable[str], given: dict[str, str] | None = None
) -> dict[str, str]:
    """heading → column, for the headings that are known. ``given`` (by normal heading) goes
    before everything else; a column is never taken twice, its exact name first."""
    headings = [heading for heading in headings if heading]
    chosen: dict[str, str] = {}
    given = given or {}
    for heading in headings:
        if (column := given.get(normal(heading))) in table.names:
            chosen[heading] = column
    for candidates in (_exact(table), _aliases(table)):
        for heading in headings:
            column = candidates.get(normal(heading))
            if heading not in chosen and column and column not in chosen.values():
                chosen[heading] = column
    return chosen


def _exact(table: Table) -> dict[str, str]:
    return {name: name for name in table.names} | {
        normal(column.label): column.name for column in table.columns if column.name != "id"
    }


def _aliases(table: Table) -> dict[str, str]:
    aliases = {alias: column for column, words in _ALIASES[table].items() for alias in words}
    if table.parent_key:
        aliases |= dict.fromkeys(_PARENT, table.parent_key)
    return aliases
