"""Platform statuses in a table of accounts: a column per platform, or one column with a dict.

Our own list of accounts has the first form, and pandas' CSV of the legacy app's accounts the
second. The earlier app's successor writes y or n, and beside it the month of the onboarding: the
day from which the status is known (docs/decisions/0010-no-date-of-a-status.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from crm.importing.findings import CHANGED, SKIPPED
from crm.importing.headings import SINCE_OF, STATUS_OF
from crm.importing.literals import parse_value
from crm.importing.raw_rows import RawRow, Remark, Rows
from crm.importing.readers.json_children import refused, statuses
from crm.importing.yes_no import status_of
from crm.model import vocabulary
from crm.model.missing import is_empty, is_no_value, is_no_word
from crm.model.schema import PLATFORMS_STATUS

from .meanings import bsnid_of, meaning_of


def status_rows(rows: Rows, given: Mapping[str, str], is_own: bool) -> Iterator[RawRow]:
    """Yield a row for each status that a table of accounts holds.

    ``is_own``: it is our own list, where an account without a status is Not Started.
    """
    meaning_in = lru_cache(maxsize=4096)(partial(meaning_of, given=given))
    for row in rows():
        found, since = list[tuple[str, Any]](), dict[str, Any]()
        for heading, value in row.cells or ():
            meaning = meaning_in(heading)
            if meaning.startswith(STATUS_OF):
                found.append((meaning.removeprefix(STATUS_OF), value))
            elif meaning.startswith(SINCE_OF) and not is_empty(value):
                since[meaning.removeprefix(SINCE_OF)] = value
        found += [(platform, None) for platform in since.keys() - dict(found).keys()]
        bsnid = bsnid_of(row, given) if found else None
        for platform, value in found:
            if platform and platform not in since and is_no_word(value):
                if not is_empty(value):
                    yield _no_status(row.name, value)
            elif platform:
                status = _status(row.name, bsnid, platform, value, since.get(platform))
                status.is_implied |= is_own and value == vocabulary.NOT_STARTED
                yield status
            elif not is_no_value(value):
                yield from _dict(row.name, bsnid, value)


def _status(name: str, bsnid: Any, platform: str, value: Any, since: Any) -> RawRow:
    """Return the row of a status. ``since``: when the platform was onboarded, if that is known."""
    cells = [("account_bsnid", bsnid), ("platform", platform)]
    meant = vocabulary.COMPLETED if is_empty(value) else status_of(value)
    remarks = []
    if meant:
        what = "a month of onboarding" if is_empty(value) else f"“{value}”"
        remarks.append(Remark(CHANGED, f"{what} was read as {meant}", "status"))
    cells.append(("status", meant or value))
    if meant == vocabulary.NOT_STARTED:
        return RawRow(name, cells, remarks, is_implied=True)
    if since is not None:
        cells += [("created_at", since), ("updated_at", since)]
    return RawRow(name, cells, remarks)


def _no_status(name: str, value: Any) -> RawRow:
    reason = f"“{str(value).strip()}” stands for a missing status; not imported"
    return RawRow(name, None, [Remark(SKIPPED, reason, "status")])


def _dict(name: str, bsnid: Any, value: Any) -> Iterator[RawRow]:
    parsed = value if isinstance(value, dict | list) else parse_value(str(value))
    if not isinstance(parsed, dict | list):
        yield refused(name, f"“{str(value)[:40]}” is not like {{'Databricks': 'Completed'}}")
        return
    for row in statuses(PLATFORMS_STATUS, bsnid, parsed):
        row.name = name
        yield row
