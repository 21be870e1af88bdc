"""The query of the rows that an operation wrote, with their values before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _sql
from crm.warehouse import Warehouse

from . import duplicates
from .duplicates import IS_AFTER, IS_BEFORE

# For each row that the operation wrote: its values before, and whether it existed then. A row that
# the operation stamped and deleted is ``_deleted``, unless somebody inserted it again. A row whose
# values changed while it kept the operation's id and stamp was ``_changed`` outside the CRM.
# ``_rows`` counts the rows with the key that the commit wrote. More than one in all commits means
# duplicates, but a row that got another id and then this one again counts once.
_WRITTEN = """
  SELECT * FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY _key, _is_written ORDER BY _version) AS _place,
      FIRST_VALUE(_is_deletion) OVER (PARTITION BY _key ORDER BY _version DESC) AS _deleted,
      COUNT(_is_outside) OVER (PARTITION BY _key) > 0 AS _changed,
      MAX(_held) OVER (PARTITION BY _key) > 1 AS _is_duplicate
    FROM (
      SELECT *, SUM(_rows) OVER (PARTITION BY _key ORDER BY _version) AS _held
      FROM (
        SELECT {key} AS _key, _commit_version AS _version,
          COUNT(CASE WHEN {is_before} THEN 1 END) > 0 AS _existed,
          {rows} AS _rows,
          CASE WHEN MAX(CASE WHEN {is_after} THEN change_id END) = :undone
            AND NOT (MAX(CASE WHEN {is_before} THEN change_id END) <=> :undone)
            THEN TRUE END AS _is_written,
          CASE WHEN COUNT(CASE WHEN {is_after} THEN 1 END) = 0
            AND MAX(change_id) = {deleter} THEN TRUE END AS _is_deletion,
          CASE WHEN MAX(CASE WHEN {is_before} THEN change_id END) = :undone
            AND MAX(CASE WHEN {is_after} THEN change_id END) = :undone
            AND MAX(CASE WHEN {is_before} THEN updated_at END)
              <=> MAX(CASE WHEN {is_after} THEN updated_at END)
            THEN TRUE END AS _is_outside,
          {values}
        FROM {feed} WHERE _commit_version > :before GROUP BY {key}, _commit_version
      ) AS c
    ) AS v
  ) AS n WHERE _is_written AND _place = 1
"""
_VALUE = "MAX(CASE WHEN {is_before} THEN {name} END) AS {name}"
# For a row that did not exist before: the account for which it was inserted.
_OWNER = "COALESCE(MAX(CASE WHEN {is_before} THEN {name} END), MAX({name})) AS {name}"


def written(
    wh: Warehouse, table: Table, before: Mapping[str, int], names: Iterable[str], deleter: str
) -> str:
    """Return the query of the rows that the operation ``:undone`` wrote.

    ``deleter`` is the parameter with the id of the operation whose deletions count.
    """
    values = (
        _sql.fill(
            _OWNER if name == table.parent_key else _VALUE,
            is_before=IS_BEFORE,
            name=quoted(name),
        )
        for name in names
    )
    return _sql.render(
        wh.namespace,
        _WRITTEN,
        key=quoted(table.key),
        is_before=IS_BEFORE,
        is_after=IS_AFTER,
        rows=duplicates.ROWS,
        deleter=deleter,
        values=", ".join(values),
        # Start at the known version, because a feed cannot start after the latest one.
        feed=wh.namespace.change_feed(table, before[table.name]),
    )
