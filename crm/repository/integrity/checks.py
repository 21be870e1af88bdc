"""What ought to be true of the tables, since Unity Catalog enforces hardly any of it.

Each check finds rows; some have a repair, one statement that does what its preview says.
"""

# ruff: noqa: S608 - names of our own tables and columns

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crm.model import vocabulary
from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, Column, Table
from crm.repository import _sql
from crm.repository._writing import write
from crm.warehouse import Warehouse

from . import duplicates
from .duplicates import Statements

SHOWN = duplicates.AT_ONCE
DUPLICATES = "duplicate-keys"


@dataclass(frozen=True)
class Problem:
    """One row, or one key, that is not as it should be. ``repair`` says what would be done;
    empty where only a person can tell."""

    check: str
    table: Table
    key: str
    detail: str
    repair: str = ""


@dataclass(frozen=True)
class Found:
    """At most ``SHOWN`` problems per table and rule; ``total`` counts all of them, ``repairable``
    those that have a repair."""

    problems: list[Problem]
    total: int
    repairable: int


@dataclass(frozen=True)
class Check:
    """``find`` yields (table, statement, parameters) whose rows hold key, detail, repair;
    ``fix`` the same for the statements that repair. ``by_key``: keys are repaired, not rows,
    and nobody can tell afterwards which of the rows was which."""

    name: str
    title: str
    find: Callable[[], Statements]
    fix: Callable[[], Statements] | None = None
    by_key: bool = False


def look(wh: Warehouse, checks: tuple[Check, ...] = ()) -> dict[Check, Found]:
    """What these checks (all of them) find. One statement."""
    checks = checks or CHECKS
    branches, values, tables = [], {"shown": SHOWN}, []
    for number, check in enumerate(checks):
        for table, sql, params in check.find():
            place = len(branches)
            for name in params:
                sql = re.sub(rf":{name}\b", f":b{place}_{name}", sql)
                values[f"b{place}_{name}"] = params[name]
            text = _sql.render(wh.namespace, sql, target=wh.namespace.table(table))
            branches.append(_branch(place, number, text))
            tables.append(table)
    rows = wh.query(" UNION ALL ".join(branches) + " ORDER BY place, key, detail", values)
    found: dict[Check, list[Problem]] = {check: [] for check in checks}
    counts: dict[Check, dict[int, tuple[int, int]]] = {check: {} for check in checks}
    for row in rows:
        check, table = checks[row["number"]], tables[row["place"]]
        key, repair = row["key"] or "", row["repair"] or ""
        found[check].append(Problem(check.name, table, key, row["detail"], repair))
        counts[check][row["place"]] = (row["total"], row["repairable"])
    return {
        check: Found(
            problems,
            sum(total for total, _ in counts[check].values()),
            sum(repairable for _, repairable in counts[check].values()),
        )
        for check, problems in found.items()
    }


def _branch(place: int, number: int, text: str) -> str:
    repair = "repair" if "AS repair" in text else "CAST(NULL AS STRING)"
    return f"""
    SELECT {place} AS place, {number} AS number, key, detail, repair, total, repairable FROM (
      SELECT key, detail, {repair} AS repair, COUNT(*) OVER () AS total,
        COUNT({repair}) OVER () AS repairable
      FROM ({text}) AS found ORDER BY key, detail LIMIT :shown
    ) AS shown
    """


def repair(wh: Warehouse, check: Check) -> int:
    """Run the check's repair; how many rows it changed, or how many keys. Safe to repeat."""
    if check.fix is None:
        return 0
    if not check.by_key:
        return _run(wh, check.fix())
    before = look(wh, (check,))[check].repairable
    _run(wh, check.fix())
    return before - look(wh, (check,))[check].repairable


def _run(wh: Warehouse, statements: Statements) -> int:
    return sum(
        write(
            wh,
            _sql.render(wh.namespace, sql, target=wh.namespace.table(table)),
            {**params, **({"actor": wh.actor} if ":actor" in sql else {})} or None,
            repeatable=True,
        )
        for table, sql, params in statements
    )


# --- orphans ---
# A BSNID that an address can hold (see BsnidField).
_USABLE = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def _orphans() -> Statements:
    sql = """
    SELECT t.id AS key,
      CONCAT('its account ', COALESCE(t.account_bsnid, '(none)'), ' does not exist') AS detail,
      CASE WHEN t.account_bsnid RLIKE :usable
        THEN CONCAT('create the account ', t.account_bsnid) END AS repair
    FROM {target} AS t LEFT ANTI JOIN {accounts} AS a ON a.bsnid = t.account_bsnid ORDER BY 1
    """
    for table in CHILDREN:
        yield table, sql, {"usable": _USABLE}


def _create_accounts() -> Statements:
    """Nothing is lost by it, and whoever knows better can move or delete what is there then."""
    sql = """
    MERGE INTO {{target}} AS t
    USING (
      SELECT DISTINCT account_bsnid AS bsnid FROM {{{child}}} WHERE account_bsnid RLIKE :usable
    ) AS s
    ON t.bsnid = s.bsnid
    WHEN NOT MATCHED THEN INSERT
      (bsnid, team, created_at, updated_at, created_by, updated_by) VALUES
      (s.bsnid, s.bsnid, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), :actor, :actor)
    """
    for table in CHILDREN:
        yield ACCOUNTS, sql.format(child=table.name), {"usable": _USABLE}


# --- empty required fields ---
def _empty() -> Statements:
    sql = """
    SELECT `{key}` AS key, '{label} is empty' AS detail
    FROM {{target}} WHERE COALESCE(TRIM(CAST(`{name}` AS STRING)), '') = '' ORDER BY 1
    """
    for table in TABLES:
        for column in table.own_columns:
            # Children without an id are a check of their own, those without an account orphans.
            if column.required:
                yield (
                    table,
                    sql.format(key=table.key, name=column.name, label=column.label),
                    {},
                )


# --- unknown words ---
def _words(column: Column) -> dict[str, str]:
    words = vocabulary.words(column.vocabulary)
    return {f"word{number}": word for number, word in enumerate(words)}


def _choices() -> Iterator[tuple[Table, Column]]:
    for table in TABLES:
        for column in table.own_columns:
            if column.vocabulary:
                yield table, column


def _unknown_words() -> Statements:
    sql = """
    SELECT t.`{key}` AS key, CONCAT('{label} is “', t.`{name}`, '”') AS detail,
      CASE WHEN w.word IS NOT NULL AND {may} THEN CONCAT('write “', w.word, '”') END AS repair
    FROM {source} AS t
    LEFT JOIN (SELECT EXPLODE(ARRAY({words})) AS word) AS w
      ON LOWER(TRIM(t.`{name}`)) = LOWER(w.word)
    WHERE t.`{name}` <> '' AND NOT ARRAY_CONTAINS(ARRAY({words}), t.`{name}`) ORDER BY 1
    """
    for table, column in _choices():
        words = _words(column)
        parts = {"key": table.key, "name": column.name, "label": column.label}
        parts["words"] = ", ".join(f":{marker}" for marker in words)
        parts |= {"source": "{target}", "may": "TRUE"}
        if table is PLATFORMS_STATUS:
            parts |= {"source": f"({duplicates.ranked_statuses()})", "may": _LATEST}
        yield table, sql.format(**parts), words


# Correcting a word stamps the row. Of two statuses for one platform it would make the older one
# the latest: so only the latest is corrected, and stays it. The older ones go when the double
# statuses are repaired, which knows platforms by any spelling.
_LATEST = "t.place = 1 AND t.copies = 1"


def _correct_words() -> Statements:
    """Words that differ from a known one in case and blanks only."""
    sql = """
    MERGE INTO {{target}} AS t
    USING {source} AS w
    ON {match} AND t.`{name}` <> w.word
    WHEN MATCHED THEN UPDATE SET
      `{name}` = w.word, updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
    """
    for table, column in _choices():
        words, name = _words(column), column.name
        known = "(SELECT EXPLODE(ARRAY({})) AS word)".format(", ".join(f":{w}" for w in words))
        source, match = known, f"LOWER(TRIM(t.`{name}`)) = LOWER(w.word)"
        if table is PLATFORMS_STATUS:
            ranked = duplicates.ranked_statuses()
            source = (
                f"(SELECT t.id, k.word FROM ({ranked}) AS t JOIN {known} AS k "
                f"ON LOWER(TRIM(t.`{name}`)) = LOWER(k.word) WHERE {_LATEST})"
            )
            match = "t.id = w.id"
        yield table, sql.format(name=name, source=source, match=match), words


# --- bad links ---
# As crm.forms.fields.link_problem has it.
_SOUND_LINK = r"^https?://[^\s/?#:<>\"\\^`{|}]+[^\s<>\"\\^`{|}]*$"


def _bad_links() -> Statements:
    sql = r"""
    SELECT `{key}` AS key, CONCAT('{label}: “', link, '” is no http(s) address') AS detail
    FROM (
      SELECT `{key}`, EXPLODE(SPLIT(`{name}`, '\\n')) AS link FROM {{target}}
      WHERE `{name}` IS NOT NULL
    ) AS l
    WHERE TRIM(link) <> '' AND NOT LOWER(TRIM(link)) RLIKE :sound ORDER BY 1
    """
    for column in ACCOUNTS.own_columns:
        if column.kind == "links":
            parts = {"key": ACCOUNTS.key, "name": column.name, "label": column.label}
            yield ACCOUNTS, sql.format(**parts), {"sound": _SOUND_LINK}


# --- times that cannot be ---
def _backwards() -> Statements:
    sql = """
    SELECT `{key}` AS key, 'changed before it was created' AS detail,
      'take the later time for both' AS repair
    FROM {{target}} WHERE updated_at < created_at ORDER BY 1
    """
    for table in TABLES:
        yield table, sql.format(key=table.key), {}


def _straighten() -> Statements:
    sql = """
    UPDATE {target} SET updated_at = created_at WHERE updated_at < created_at
    """
    for table in TABLES:
        yield table, sql, {}


# In the order in which they are repaired: words before statuses that only spelling tells apart.
CHECKS = (
    Check(
        "missing-ids", "Rows without an id", duplicates.find_without_id, duplicates.give_ids, True
    ),
    Check(
        DUPLICATES,
        "Keys that more than one row has",
        duplicates.find_duplicates,
        duplicates.part_duplicates,
        True,
    ),
    Check("unknown-words", "Words that are not in the vocabulary", _unknown_words, _correct_words),
    Check(
        "double-statuses",
        "Platforms with more than one status",
        duplicates.find_double_statuses,
        duplicates.drop_older_statuses,
    ),
    Check("orphans", "Rows whose account does not exist", _orphans, _create_accounts),
    Check("empty-fields", "Required fields that are empty", _empty),
    Check("bad-links", "Links that are none", _bad_links),
    Check("times", "Rows changed before they were created", _backwards, _straighten),
)
