"""Finds the column that a heading means, and the table that a file or sheet holds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from crm.model.schema import (
    ACCOUNTS,
    AUDIT_NAMES,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Table,
)

# Headings are searched for in this many rows: titles may stand above them.
ROWS_SEARCHED = 20
# In place of a column: what stands under the heading is not imported. Or, in accounts: it is the
# status of the platform whose name follows (without a name: of all platforms, as a dict), the time
# since when a platform has its status, or a column of the account's use case.
LEFT_OUT, STATUS_OF, SINCE_OF, USE_CASE_OF = "-", "status:", "since:", "use case:"
# The remark about a column or sheet with the choice ``LEFT_OUT``.
IS_LEFT_OUT = "is left out, as was chosen"
OF_OTHER_TABLES = (STATUS_OF, SINCE_OF, USE_CASE_OF)
# The heading of the reasons in a file of refused rows, which no import reads (normal).
REASON = "reason_for_refusal"

_TABLE_NAMES = {
    ACCOUNTS: ("accounts", "account", "teams"),
    PLATFORMS_STATUS: (
        "platforms_status",
        "platform_status",
        "platform_statuses",
        "platforms",
        "platforms_crm",
        "platformsstatus",
        "platformstatus",
    ),
    USE_CASES: ("use_cases", "use_case", "usecases"),
    UPDATES: ("updates", "update"),
}
_ALIASES: dict[Table, dict[str, tuple[str, ...]]] = {
    ACCOUNTS: {
        "bsnid": (
            "bsnid_uid",
            "bsn_id",
            "uid",
            "account_uid",
            "account_bsnid",
            "account_id",
        ),
        "team": ("team_name", "account", "account_name"),
        "business_area": ("area", "business_it_area"),
        "admin": ("team_admin", "administrator"),
        "primary_it_partner": ("it_partner", "primary_it_partners"),
        "azure_devops_link": (
            "azure_devops_links",
            "azure_devops",
            "ado_link",
            "ado_links",
            "associated_ado_items",
        ),
        "artifacts_folder_link": (
            "artifacts_folder_links",
            "artifacts_folder",
            "artifacts_link",
            "artifacts",
            "team_artifacts",
        ),
    },
    PLATFORMS_STATUS: {
        "id": ("status_id", "platform_status_id"),
        "platform": ("platform_name",),
        "status": ("onboarding_status", "platform_status"),
    },
    USE_CASES: {
        "id": ("use_case_id",),
        "problem": ("problem_statement", "problem_description"),
        "solution": ("proposed_solution", "solution_description"),
        "leader": ("use_case_leader",),
        "enablement_tier": ("tier",),
        "status": ("use_case_status",),
    },
    UPDATES: {
        "id": ("update_id",),
        "author": ("author_name", "update_author"),
        "date": ("update_date",),
        "description": ("update", "text", "notes", "comment", "comments"),
    },
}
# Columns that a file must have to be recognized as this table by its headings alone.
_SIGNATURES = {
    ACCOUNTS: {"bsnid"},
    PLATFORMS_STATUS: {"account_bsnid", "platform", "status"},
    USE_CASES: {"account_bsnid", "problem"},
    UPDATES: {"account_bsnid", "description"},
}
# Words that browsers, file managers and export dialogs add to a file's name.
_NOISE = re.compile(
    r"copy|of|kopie|von|exports?|exported|download|downloaded|data|table|csv|json|xlsx|txt|all"
    r"|final|new|latest|refused|edip|crm|v?\d+|\d+t\d+z?"
)
# Headings that mean the key of an account, or its team, where no other heading means the account.
_IF_NO_OTHER = ("unique_identifier", "id")
_TEAM_NAMES = ("team", "team_name", "account_name")
_PARENT = ("bsnid", "bsnid_uid", "bsn_id", "account", "account_id", "account_uid", "uid")


@lru_cache(maxsize=4096)
def normal(heading: str) -> str:
    """``BSNID (UID)`` becomes ``bsnid_uid``; letters of every script are kept, invisible
    characters are not."""
    text = unicodedata.normalize("NFKC", heading).strip().lower()
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    kept = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return "_".join(kept.split()) or text


def table_key(key: str) -> str:
    """Return the table whose records a JSON file has under this key (``useCases`` means
    ``use_cases``), or the key of something else as ``normal`` returns it."""
    word = normal(key)
    return _TABLE_KEYS.get(word.replace("_", ""), word)


def table_of(name: str, prefix: str = "") -> Table | None:
    """Return the table that a file or a sheet is named after, or None."""
    plain = normal(name).removeprefix(normal(prefix)).strip("_")
    for prefix_word in ("edip_crm_", "edip_", "crm_"):
        plain = plain.removeprefix(prefix_word)
    return next((table for table in TABLES if plain in _TABLE_NAMES[table]), None)


def table_of_file(stem: str) -> Table | None:
    """Return the table that a file is named after, whatever programs added to the name.

    ``accounts (1)``, ``Copy of accounts``, ``accounts_export`` and ``2026-11-25 accounts`` all
    mean accounts.
    """
    if table := table_of(stem):
        return table
    words = [word for word in normal(stem).split("_") if not _NOISE.fullmatch(word)]
    return table_of("_".join(words))


def table_with_headings(
    headings: Iterable[str], given: Mapping[str, str] | None = None
) -> Table | None:
    """Return the one table that these headings belong to, or None if that is unclear."""
    # A heading "id" beside other columns may mean the id of any table.
    headings = [heading for heading in headings if normal(heading) != "id"]
    best, most = None, 1
    for table in TABLES:
        names = set(columns_by_index(table, headings, given)) - AUDIT_NAMES
        if names >= _SIGNATURES[table] and len(names) > most:
            best, most = table, len(names)
    return best


def columns_of(
    table: Table, headings: Iterable[str], given: dict[str, str] | None = None
) -> dict[str, str]:
    """Map headings to columns, one heading per column; unknown headings are absent.

    ``given`` (normal heading → column) comes first, then exact names, then aliases.
    """
    given = given or {}
    headings = [each for each in headings if each and given.get(normal(each)) != LEFT_OUT]
    chosen: dict[str, str] = {}
    for heading in headings:
        if (column := given.get(normal(heading))) in table.names:
            chosen[heading] = column
    last = {} if table.parent_key else dict.fromkeys(_IF_NO_OTHER, table.key)
    for candidates in (_EXACT[table.name], _OTHERS[table.name], last):
        for heading in headings:
            column = candidates.get(normal(heading))
            if heading not in chosen and column and column not in chosen.values():
                chosen[heading] = column
    return chosen


def columns_by_index(
    table: Table, headings: Sequence[str], given: Mapping[str, str] | None = None
) -> dict[str, list[int]]:
    """Map columns to the indexes of all headings that mean them, the most certain first.

    A file may well have both ``id`` and ``use_case_id``, or the same heading twice.
    """
    words = [normal(heading) if heading else "" for heading in headings]
    taken: set[int] = set()
    found: dict[str, list[int]] = {}
    joined = [_joined(table, word) for word in words]
    for candidates, keys in (
        (given or {}, words),
        (_EXACT[table.name], words),
        (_OTHERS[table.name], words),
        (_JOINED[table.name], joined),
    ):
        for place, word in enumerate(keys):
            # JSON may have an empty key; only a person's choice gives it a column.
            column = candidates.get(word) if place not in taken else None
            if column in table.names:
                taken.add(place)
                found.setdefault(column, []).append(place)
            elif column == LEFT_OUT:
                taken.add(place)
    if table.owner not in found:
        others = _TEAM_NAMES if table.parent_key else _IF_NO_OTHER
        places = [n for n, word in enumerate(words) if word in others and n not in taken]
        found |= {table.owner: places[:1]} if places else {}
    return found


def is_partners(headings: Iterable[str]) -> bool:
    """Return whether these are the headings of accounts and their IT partners only, as in a table
    of their own."""
    words = {normal(heading) for heading in headings if heading} - {"id"}
    account, partner = words & {"account_uid", "account_id", "account_bsnid"}, words & _PARTNER
    return len(account) == len(partner) == 1 and words == account | partner


def heading_row(
    table: Table, rows: Iterable[Sequence[Any]], given: Mapping[str, str] | None = None
) -> tuple[int, int]:
    """Return the index of the row with the headings, -1 if there is none, and how many of them
    are known.

    It is the first row with two known headings or more, among them the one of the account, else
    the one with the most known ones: above it, a row may name groups of columns. If none is known,
    it is the first row that is more than half as wide as the widest: titles are narrow.
    """
    best, widths = (-1, 0), {}
    for place, cells in enumerate(rows):
        texts = [cell_text(cell) for cell in cells]
        if not any(texts):
            continue
        widths[place] = sum(map(bool, texts))
        columns = columns_by_index(table, texts, given)
        known = sum(map(len, columns.values()))
        if known > best[1]:
            best = (place, known)
        if known >= 2 and table.owner in columns:
            break
    if widths and not best[1]:
        best = (next(n for n, width in widths.items() if 2 * width > max(widths.values())), 0)
    return best


def cell_text(cell: Any) -> str:
    """Return a cell as text, without blanks around it."""
    return "" if cell is None else str(cell).strip()


def _joined(table: Table, word: str) -> str:
    """Return a normal heading as in ``businessArea`` or, from Hive, ``accounts.team``."""
    return word.removeprefix(f"{table.name}_").replace("_", "")


def _exact(table: Table) -> dict[str, str]:
    return {name: name for name in table.names} | {
        normal(column.label): column.name for column in table.columns if column.name != "id"
    }


def _aliases(table: Table) -> dict[str, str]:
    aliases = {alias: column for column, words in _ALIASES[table].items() for alias in words}
    if table.parent_key:
        aliases |= dict.fromkeys(_PARENT, table.parent_key)
    return aliases


_PARTNER = {"primary_it_partner", *_ALIASES[ACCOUNTS]["primary_it_partner"]}
_EXACT = {table.name: _exact(table) for table in TABLES}
_OTHERS = {table.name: _aliases(table) for table in TABLES}
_TABLE_KEYS = {table.name.replace("_", ""): table.name for table in TABLES}
_JOINED = {
    table.name: {
        word.replace("_", ""): column
        for known in (_OTHERS, _EXACT)
        for word, column in known[table.name].items()
    }
    for table in TABLES
}
