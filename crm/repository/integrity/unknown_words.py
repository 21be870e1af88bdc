"""Find words that are not in their vocabulary, and correct those that differ from a known word
only in case and blanks."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.namespace import Namespace, quoted
from crm.model.schema import PLATFORMS_STATUS, TABLES, Column, Table
from crm.repository import _sql

from . import duplicates
from ._statements import Statement, on_column

_UNKNOWN_WORDS = """
SELECT t.{key} AS key, CONCAT({label}, ' is “', t.{column}, '”') AS detail,
  CASE WHEN w.word IS NOT NULL AND {may_repair} THEN CONCAT('write “', w.word, '”') END AS repair
FROM {source} AS t
LEFT JOIN (SELECT EXPLODE({words}) AS word) AS w
  ON LOWER(TRIM(t.{column})) = LOWER(w.word)
WHERE t.{column} <> '' AND NOT ARRAY_CONTAINS({words}, t.{column})
"""
_CORRECT_WORDS = """
MERGE INTO {table} AS t
USING {source} AS w
ON {match} AND t.{column} <> w.word
WHEN MATCHED THEN UPDATE SET
  {column} = w.word, updated_at = CURRENT_TIMESTAMP(), updated_by = :actor,
  change_id = :change_id
"""
_WORDS = "(SELECT EXPLODE({words}) AS word)"
_IS_WORD = "LOWER(TRIM(t.{column})) = LOWER(w.word)"
# A correction stamps the row. To keep the older of two statuses for one platform from becoming the
# latest, it corrects only the latest. The repair of double statuses, which ignores the spelling of
# platforms, deletes the older ones.
_IS_LATEST = "t.place = 1 AND t.copies = 1"
_LATEST_WORDS = """(
  SELECT t.id, w.word FROM ({ranked}) AS t JOIN {words} AS w ON {is_word} WHERE {is_latest}
)"""


def _choices() -> Iterator[tuple[Table, Column]]:
    for table in TABLES:
        for column in table.own_columns:
            if column.vocabulary:
                yield table, column


def find(namespace: Namespace) -> Iterator[Statement]:
    for table, column in _choices():
        words, params = _sql.word_array(column)
        parts = {"source": namespace.table(table), "may_repair": "TRUE"}
        if table is PLATFORMS_STATUS:
            ranked = duplicates.ranked_statuses(namespace)
            parts = {"source": f"({ranked})", "may_repair": _IS_LATEST}
        parts |= {"label": _sql.literal(column.label), "words": words}
        sql = on_column(namespace, table, column, _UNKNOWN_WORDS, **parts)
        yield Statement(table, sql, params, writes=(column.name,), reads=_read_of(table))


def correct(namespace: Namespace) -> Iterator[Statement]:
    for table, column in _choices():
        words, params = _sql.word_array(column)
        known = _sql.render(namespace, _WORDS, words=words)
        is_word = _sql.render(namespace, _IS_WORD, column=quoted(column.name))
        parts = {"source": known, "match": is_word}
        if table is PLATFORMS_STATUS:
            source = _sql.render(
                namespace,
                _LATEST_WORDS,
                ranked=duplicates.ranked_statuses(namespace),
                words=known,
                is_word=is_word,
                is_latest=_IS_LATEST,
            )
            parts = {"source": source, "match": "t.id = w.id"}
        sql = on_column(namespace, table, column, _CORRECT_WORDS, **parts)
        yield Statement(table, sql, params, writes=(column.name,), reads=_read_of(table))


def _read_of(table: Table) -> tuple[tuple[Table, str], ...]:
    return duplicates.RANKED_BY if table is PLATFORMS_STATUS else ()
