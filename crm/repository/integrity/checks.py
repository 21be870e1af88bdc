"""Check the rules that Unity Catalog does not enforce.

Each check finds rows that break a rule. Some checks have a repair, which repairs.py runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from crm.model.links import INVISIBLE
from crm.model.namespace import Namespace, quoted
from crm.model.schema import TABLES, Table
from crm.repository import _sql
from crm.repository.tables import privileges
from crm.warehouse import Warehouse

from . import duplicates, orphans, similar_bsnids, unknown_words
from ._statements import Find, Fix, Statement, on_column, render

Params = Mapping[str, str]
Masks = Mapping[str, frozenset[str]]

SHOWN = duplicates.AT_ONCE

_ALL = "{branches} ORDER BY place, key, detail"
_BRANCH = """
SELECT {place} AS place, key, detail, repair, total, repairable FROM (
  SELECT key, detail, repair, COUNT(*) OVER () AS total, COUNT(repair) OVER () AS repairable
  FROM ({sql}) AS found ORDER BY key, detail LIMIT :shown
) AS shown
"""


@dataclass(frozen=True)
class Problem:
    """One row, or one key, that breaks a rule. ``repair`` says what the repair does; it is empty
    if only a person can decide."""

    check: str
    table: Table
    key: str
    detail: str
    repair: str = ""


@dataclass(frozen=True)
class Found:
    """At most ``SHOWN`` problems per table and rule; ``total`` counts all of them, ``repairable``
    those with a repair. ``is_doubtful``: it is unknown which of the rows are problems.
    ``is_masked``: a mask prevents the repair of some."""

    problems: list[Problem]
    total: int
    repairable: int
    is_doubtful: bool = False
    is_masked: bool = False


@dataclass(frozen=True)
class Check:
    """One rule. ``by_key``: a repair counts keys, because it replaces rows.

    ``settle`` runs if the rule found rows. It returns parameters that exclude rows which only seem
    to break the rule; or a ``doubt``, and then nothing is repaired.
    """

    name: str
    title: str
    find: Find
    fix: Fix | None = None
    by_key: bool = False
    settle: Callable[[Warehouse], Params] | None = None


def run_checks(
    wh: Warehouse, checks: tuple[Check, ...] = (), masks: Masks | None = None
) -> dict[Check, Found]:
    """Return the problems that these checks find; without any, all checks run.

    ``masks`` are the masked columns by table name: a problem has no repair that needs one of them.
    One statement; up to two more if there is a repair and the masks are not given, and at most
    four more if a check with ``settle`` finds something.
    """
    asked, known = checks or CHECKS, masks or {}
    results = _run(wh, asked, {}, known)
    if masks is None and any(found.repairable for found in results.values()):
        known = privileges.masked_columns(wh)
        results = _run(wh, asked, {}, known) if known else results
    for check, found in results.items():
        if check.settle and found.total and (params := check.settle(wh)):
            again = _run(wh, (check,), params, known)[check]
            results[check] = replace(again, is_doubtful="doubt" in params)
    return results


def _run(
    wh: Warehouse, checks: tuple[Check, ...], settled: Params, masks: Masks
) -> dict[Check, Found]:
    found = [(check, each) for check in checks for each in check.find(wh.namespace)]
    branches = (
        _sql.render(wh.namespace, _BRANCH, place=str(place), sql=statement.sql)
        for place, (_, statement) in enumerate(found)
    )
    sql = _sql.render(wh.namespace, _ALL, branches="UNION ALL".join(branches))
    params: dict[str, str | int] = {"shown": SHOWN}
    for _, statement in found:
        params |= {**statement.params, **settled}
    problems: dict[Check, list[Problem]] = {check: [] for check in checks}
    counts: dict[Check, dict[int, tuple[int, int]]] = {check: {} for check in checks}
    closed: set[Check] = set()
    for row in wh.query(sql, params):
        check, statement = found[row["place"]]
        detail, repair, key = row["detail"], row["repair"] or "", row["key"] or ""
        if statement.words:
            detail, repair = statement.words(detail)
        repairable = row["repairable"]
        if statement.is_masked(masks):
            closed |= {check} if repairable else set()
            repair, repairable = "", 0
        problems[check].append(Problem(check.name, statement.table, key, detail, repair))
        counts[check][row["place"]] = (row["total"], repairable)
    return {
        check: Found(
            problems[check],
            sum(total for total, _ in counts[check].values()),
            sum(repairable for _, repairable in counts[check].values()),
            is_masked=check in closed,
        )
        for check in checks
    }


# --- empty required fields ---
_EMPTY = """
SELECT key, detail, CAST(NULL AS STRING) AS repair
FROM (SELECT {key} AS key, EXPLODE(ARRAY({details})) AS detail FROM {table}) AS e
WHERE detail IS NOT NULL
"""
_IS_EMPTY = "CASE WHEN COALESCE(TRIM(CAST({column} AS STRING)), '') = '' THEN {detail} END"


def _find_empty_fields(namespace: Namespace) -> Iterator[Statement]:
    """Yield the statements. Of the keys they check only BSNIDs; other checks find children without
    an id or an account."""
    for table in TABLES:
        details = ", ".join(
            _sql.fill(
                _IS_EMPTY,
                column=quoted(column.name),
                detail=_sql.literal(f"{column.label} is empty"),
            )
            for column in table.own_columns
            if column.required
        )
        sql = render(namespace, table, _EMPTY, key=quoted(table.key), details=details)
        yield Statement(table, sql)


# --- bad links ---
# The links that crm.model.links.link_problem accepts.
_OTHERS = r"\s<>\"\\^`{|}\p{Cf}" + INVISIBLE
_SOUND_LINK = {
    "sound_link": rf"^https?://[^/?#:@{_OTHERS}]+(:[^/?#@{_OTHERS}]*)?([/?#][^{_OTHERS}]*)?$"
}
_BAD_LINKS = r"""
SELECT {key} AS key, CONCAT({label}, ': “', link, '” cannot be shown as a link') AS detail,
  CAST(NULL AS STRING) AS repair
FROM (
  SELECT {key}, EXPLODE(SPLIT({column}, '\\n')) AS link FROM {table} WHERE {column} IS NOT NULL
) AS l
WHERE TRIM(link) <> '' AND NOT LOWER(TRIM(link)) RLIKE :sound_link
"""


def _find_bad_links(namespace: Namespace) -> Iterator[Statement]:
    for table in TABLES:
        for column in table.own_columns:
            if column.kind == "links":
                label = _sql.literal(column.label)
                sql = on_column(namespace, table, column, _BAD_LINKS, label=label)
                yield Statement(table, sql, _SOUND_LINK)


# --- impossible times ---
_CHANGED_BEFORE_CREATED = """
SELECT {key} AS key, 'changed before it was created' AS detail,
  'take the later time for both' AS repair
FROM {table} WHERE updated_at < created_at
"""
_TIMES = ("created_at", "updated_at")
_CORRECT_TIMES = """
UPDATE {table} SET updated_at = created_at, updated_by = :actor, change_id = :change_id
WHERE updated_at < created_at
"""


def _find_changed_before_created(namespace: Namespace) -> Iterator[Statement]:
    for table in TABLES:
        sql = render(namespace, table, _CHANGED_BEFORE_CREATED, key=quoted(table.key))
        yield Statement(table, sql, writes=_TIMES)


def _correct_times(namespace: Namespace) -> Iterator[Statement]:
    for table in TABLES:
        yield Statement(table, render(namespace, table, _CORRECT_TIMES), writes=_TIMES)


DUPLICATES = Check(
    "duplicate-keys",
    "Keys that more than one row has",
    duplicates.find_duplicates,
    duplicates.separate_duplicates,
    True,
)
# The order matters for repairs: words are repaired before double statuses.
CHECKS = (
    Check(
        "missing-ids", "Rows without an id", duplicates.find_without_id, duplicates.give_ids, True
    ),
    DUPLICATES,
    Check("similar-bsnids", "BSNIDs that are almost the same", similar_bsnids.find),
    Check(
        "unknown-words",
        "Words that are not in the vocabulary",
        unknown_words.find,
        unknown_words.correct,
    ),
    Check(
        "double-statuses",
        "Platforms with more than one status",
        duplicates.find_double_statuses,
        duplicates.drop_older_statuses,
    ),
    Check(
        "orphans",
        "Rows whose account does not exist",
        orphans.find,
        orphans.create_accounts,
        settle=orphans.look_for_hidden,
    ),
    Check("empty-fields", "Required fields that are empty", _find_empty_fields),
    Check("bad-links", "Links that cannot be shown as links", _find_bad_links),
    Check(
        "times",
        "Rows changed before they were created",
        _find_changed_before_created,
        _correct_times,
    ),
)
