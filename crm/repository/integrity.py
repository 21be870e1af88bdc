"""What ought to be true of the tables, since Unity Catalog enforces hardly any of it.

Each check finds rows; some have a repair, one statement that does what its preview says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from crm import vocabulary
from crm.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, Column, Table
from crm.warehouse import Warehouse

from . import _sql
from ._writing import write

SHOWN = 200
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
class Check:
    """``find`` yields (table, statement, parameters) whose rows hold key, detail, repair;
    ``fix`` the same for the statements that repair."""

    name: str
    title: str
    find: Callable[[], Iterator[tuple[Table, str, dict[str, Any]]]]
    fix: Callable[[], Iterator[tuple[Table, str, dict[str, Any]]]] | None = None


def look(wh: Warehouse, checks: tuple[Check, ...] = ()) -> dict[Check, list[Problem]]:
    """What these checks (all of them) find, at most ``SHOWN`` rows per table and rule. One
    statement."""
    checks = checks or CHECKS
    branches, values, tables = [], {"shown": SHOWN}, []
    for number, check in enumerate(checks):
        for table, sql, params in check.find():
            place = len(branches)
            for name in params:
                sql = re.sub(rf":{name}\b", f":b{place}_{name}", sql)
                values[f"b{place}_{name}"] = params[name]
            text = _sql.render(wh.namespace, sql, target=wh.namespace.table(table))
            repair = "repair" if "AS repair" in sql else "CAST(NULL AS STRING)"
            branches.append(
                f"SELECT {place} AS place, {number} AS number, key, detail, {repair} AS repair "  # noqa: S608, E501 - our own checks
                f"FROM ({text} LIMIT :shown) AS found"
            )
            tables.append(table)
    rows = wh.query(" UNION ALL ".join(branches) + " ORDER BY place, key, detail", values)
    found: dict[Check, list[Problem]] = {check: [] for check in checks}
    for row in rows:
        check, table = checks[row["number"]], tables[row["place"]]
        key, repair = row["key"] or "", row["repair"] or ""
        found[check].append(Problem(check.name, table, key, row["detail"], repair))
    return found


def repair(wh: Warehouse, check: Check) -> int:
    """Run the check's repair; how many rows it changed. Safe to repeat."""
    if check.fix is None:
        return 0
    return sum(
        write(
            wh,
            _sql.render(wh.namespace, sql, target=wh.namespace.table(table)),
            {**params, **({"actor": wh.actor} if ":actor" in sql else {})} or None,
            repeatable=True,
        )
        for table, sql, params in check.fix()
    )


# --- duplicate keys ---
# A key's rows, the one that was changed last first.
_NEWEST = "ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY updated_at DESC, created_at DESC)"


def _duplicates() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    SELECT `{key}` AS key, CONCAT(CAST(COUNT(*) AS STRING), ' rows have this key') AS detail,
      'keep the row that was changed last' AS repair
    FROM {{target}} GROUP BY `{key}` HAVING COUNT(*) > 1 ORDER BY 1
    """
    for table in TABLES:
        yield table, sql.format(key=table.key), {}


def _merge_duplicates() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    # In one statement, so that nothing is lost half-way: the surviving row comes twice, once
    # with its key, which deletes all rows of that key, and once without, which inserts it.
    sql = """
    MERGE INTO {{target}} AS t
    USING (
      WITH ranked AS (
        SELECT *, {newest} AS place, COUNT(*) OVER (PARTITION BY `{key}`) AS n FROM {{target}}
      ),
      kept AS (SELECT {names} FROM ranked WHERE place = 1 AND n > 1)
      SELECT `{key}` AS old_key, {names} FROM kept
      UNION ALL
      SELECT CAST(NULL AS STRING) AS old_key, {names} FROM kept
    ) AS s
    ON t.`{key}` = s.old_key
    WHEN MATCHED THEN DELETE
    WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})
    """
    for table in TABLES:
        yield (
            table,
            sql.format(
                key=table.key,
                newest=_NEWEST.format(keys=f"`{table.key}`"),
                names=", ".join(f"`{name}`" for name in table.names),
                values=", ".join(f"s.`{name}`" for name in table.names),
            ),
            {},
        )


# --- two statuses for one platform ---
def _double_statuses() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    SELECT account_bsnid AS key,
      CONCAT(CAST(COUNT(*) AS STRING), ' statuses for ', platform) AS detail,
      'keep the one that was changed last' AS repair
    FROM {target} GROUP BY account_bsnid, platform HAVING COUNT(DISTINCT id) > 1 ORDER BY 1, 2
    """
    yield PLATFORMS_STATUS, sql, {}


def _drop_older_statuses() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    MERGE INTO {{target}} AS t
    USING (
      SELECT id FROM (SELECT id, {newest} AS place FROM {{target}}) AS r WHERE place > 1
    ) AS s
    ON t.id = s.id
    WHEN MATCHED THEN DELETE
    """
    yield (
        PLATFORMS_STATUS,
        sql.format(newest=_NEWEST.format(keys="account_bsnid, platform")),
        {},
    )


# --- orphans ---
# A BSNID that an address can hold (see BsnidField).
_USABLE = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def _orphans() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    SELECT t.id AS key,
      CONCAT('its account ', COALESCE(t.account_bsnid, '(none)'), ' does not exist') AS detail,
      CASE WHEN t.account_bsnid RLIKE :usable
        THEN CONCAT('create the account ', t.account_bsnid) END AS repair
    FROM {target} AS t LEFT ANTI JOIN {accounts} AS a ON a.bsnid = t.account_bsnid ORDER BY 1
    """
    for table in CHILDREN:
        yield table, sql, {"usable": _USABLE}


def _create_accounts() -> Iterator[tuple[Table, str, dict[str, Any]]]:
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
def _empty() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    SELECT `{key}` AS key, '{label} is empty' AS detail
    FROM {{target}} WHERE COALESCE(TRIM(CAST(`{name}` AS STRING)), '') = '' ORDER BY 1
    """
    for table in TABLES:
        for column in table.own_columns:
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


def _unknown_words() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    SELECT t.`{key}` AS key, CONCAT('{label} is “', t.`{name}`, '”') AS detail,
      CASE WHEN w.word IS NOT NULL THEN CONCAT('write “', w.word, '”') END AS repair
    FROM {{target}} AS t
    LEFT JOIN (SELECT EXPLODE(ARRAY({words})) AS word) AS w
      ON LOWER(TRIM(t.`{name}`)) = LOWER(w.word)
    WHERE t.`{name}` <> '' AND NOT ARRAY_CONTAINS(ARRAY({words}), t.`{name}`) ORDER BY 1
    """
    for table, column in _choices():
        words = _words(column)
        markers = ", ".join(f":{marker}" for marker in words)
        parts = {"key": table.key, "name": column.name, "label": column.label, "words": markers}
        yield table, sql.format(**parts), words


def _correct_words() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    """Words that differ from a known one in case and blanks only."""
    sql = """
    MERGE INTO {{target}} AS t
    USING (SELECT EXPLODE(ARRAY({words})) AS word) AS w
    ON LOWER(TRIM(t.`{name}`)) = LOWER(w.word) AND t.`{name}` <> w.word
    WHEN MATCHED THEN UPDATE SET
      `{name}` = w.word, updated_at = CURRENT_TIMESTAMP(), updated_by = :actor
    """
    for table, column in _choices():
        words = _words(column)
        markers = ", ".join(f":{marker}" for marker in words)
        yield table, sql.format(name=column.name, words=markers), words


# --- bad links ---
def _bad_links() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = r"""
    SELECT `{key}` AS key, CONCAT('{label}: “', link, '” is no http(s) address') AS detail
    FROM (
      SELECT `{key}`, EXPLODE(SPLIT(`{name}`, '\\n')) AS link FROM {{target}}
      WHERE `{name}` IS NOT NULL
    ) AS l
    WHERE TRIM(link) <> '' AND NOT STARTSWITH(LOWER(TRIM(link)), 'https://')
      AND NOT STARTSWITH(LOWER(TRIM(link)), 'http://') ORDER BY 1
    """
    for column in ACCOUNTS.own_columns:
        if column.kind == "links":
            parts = {"key": ACCOUNTS.key, "name": column.name, "label": column.label}
            yield ACCOUNTS, sql.format(**parts), {}


# --- times that cannot be ---
def _backwards() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    SELECT `{key}` AS key, 'changed before it was created' AS detail,
      'take the later time for both' AS repair
    FROM {{target}} WHERE updated_at < created_at ORDER BY 1
    """
    for table in TABLES:
        yield table, sql.format(key=table.key), {}


def _straighten() -> Iterator[tuple[Table, str, dict[str, Any]]]:
    sql = """
    UPDATE {target} SET updated_at = created_at WHERE updated_at < created_at
    """
    for table in TABLES:
        yield table, sql, {}


CHECKS = (
    Check(DUPLICATES, "Keys that more than one row has", _duplicates, _merge_duplicates),
    Check(
        "double-statuses",
        "Platforms with more than one status",
        _double_statuses,
        _drop_older_statuses,
    ),
    Check("orphans", "Rows whose account does not exist", _orphans, _create_accounts),
    Check("empty-fields", "Required fields that are empty", _empty),
    Check("unknown-words", "Words that are not in the vocabulary", _unknown_words, _correct_words),
    Check("bad-links", "Links that are none", _bad_links),
    Check("times", "Rows changed before they were created", _backwards, _straighten),
)
