"""Saved views of lists, and each person's default view of a list.

They are not data of accounts. Everything else works without their tables, which may be missing or
hidden from the person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from crm.model.own_tables import SAVED_VIEWS
from crm.model.saved_view import SavedView as SavedView
from crm.repository import _sql
from crm.repository._sql import Row
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

Statement = tuple[str, dict[str, Any]]

# The most views that a person sees.
MOST = 200
NAME_LENGTH = 80
# The most characters of a view's settings, so that a URL with them is not too long.
QUERY_LENGTH = 6_000

_READ = """
SELECT {columns}, d.list_name IS NOT NULL AS is_default
FROM {saved_views} AS v
LEFT JOIN (
  SELECT list_name, MAX_BY(view_id, updated_at) AS view_id FROM {default_views}
  WHERE person = :person GROUP BY list_name
) AS d ON d.view_id = v.id AND d.list_name = v.list_name
WHERE {which}
ORDER BY LOWER(v.name), v.id LIMIT :most
"""
_VISIBLE = "v.person = :person OR v.is_shared"
_ONE = "v.id = :id"
# For the statement of a list: the view that its URL names, if the person may see it.
_IN_LIST = """
, (SELECT COLLECT_LIST(STRUCT({columns}, FALSE AS is_default)) FROM {saved_views} AS v
  WHERE v.id = :view AND (v.person = :viewer OR v.is_shared)) AS views
"""
_DEFAULTS = """
SELECT d.list_name, d.view_id
FROM (
  SELECT list_name, MAX_BY(view_id, updated_at) AS view_id FROM {default_views}
  WHERE person = :person GROUP BY list_name
) AS d
JOIN (
  SELECT DISTINCT id FROM {saved_views} WHERE person = :person OR is_shared
) AS v ON v.id = d.view_id
"""
_CREATE = """
MERGE INTO {saved_views} AS t
USING (SELECT CAST(:id AS STRING) AS id) AS s
ON t.id = s.id
WHEN NOT MATCHED THEN INSERT
  (id, person, list_name, name, query, is_shared, updated_at, updated_by)
  VALUES (s.id, :person, :list_name, :name, :query, CAST(:is_shared AS BOOLEAN),
    CURRENT_TIMESTAMP(), :person)
"""
_UPDATE = """
UPDATE {saved_views}
SET name = :name, query = :query, is_shared = CAST(:is_shared AS BOOLEAN),
  updated_at = CURRENT_TIMESTAMP(), updated_by = :person
WHERE id = :id AND updated_at <=> CAST(:seen AS TIMESTAMP)
"""
_DELETE = "DELETE FROM {saved_views} WHERE id = :id"
_SET_DEFAULT = """
MERGE INTO {default_views} AS t
USING (
  SELECT CAST(:person AS STRING) AS person, CAST(:list_name AS STRING) AS list_name,
    CAST(:view_id AS STRING) AS view_id
) AS s
ON t.person = s.person AND t.list_name = s.list_name
WHEN MATCHED THEN UPDATE SET view_id = s.view_id, updated_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED THEN INSERT (person, list_name, view_id, updated_at)
  VALUES (s.person, s.list_name, s.view_id, CURRENT_TIMESTAMP())
"""


class ViewChanged(Exception):
    """Somebody else changed the view since it was read. ``current`` is None if it is gone."""

    def __init__(self, current: SavedView | None) -> None:
        super().__init__("somebody else changed the saved view")
        self.current = current


def find(wh: Warehouse, person: str) -> list[SavedView]:
    """Return the views of the person and those that others share, by name: at most ``MOST``.

    One statement. Raises WarehouseError, ObjectNotFound without the tables.
    """
    return _read(wh, person, _VISIBLE, {})


def get(wh: Warehouse, id: str, person: str = "") -> SavedView | None:
    """Return the view, whoever owns it: the caller checks that the person may see it.

    One statement. Raises what ``find`` raises.
    """
    return next(iter(_read(wh, person, _ONE, {"id": id})), None)


def _read(wh: Warehouse, person: str, which: str, params: dict[str, Any]) -> list[SavedView]:
    sql = _sql.render(wh.namespace, _READ, columns=_columns(), which=which)
    return from_rows(wh.query(sql, {**params, "person": person, "most": MOST}))


def _columns() -> str:
    return _sql.names(SAVED_VIEWS.names, "v")


def read_with(wh: Warehouse, id: str, statement: Callable[[str], Statement]) -> Row:
    """Run the statement of a list, and return its row, with the view as the array ``views``.

    ``statement`` gets one more column. Without an id, or if the tables of views cannot be read,
    the row has no view. One statement, two if those tables cannot be read. Raises WarehouseError.
    """
    if not id:
        return wh.query(*statement(""))[0]
    sql, params = statement(_sql.render(wh.namespace, _IN_LIST, columns=_columns()))
    try:
        return wh.query(sql, {**params, "view": id, "viewer": wh.actor})[0]
    except (ObjectNotFound, PermissionDenied):
        return wh.query(*statement(""))[0]


def from_rows(rows: Iterable[Row]) -> list[SavedView]:
    """Return the views of the rows. If several rows have one id, the one that changed last
    counts."""
    found: dict[str, SavedView] = {}
    for row in rows:
        view = SavedView(
            row["id"],
            row["person"] or "",
            row["list_name"] or "",
            row["name"] or "",
            row["query"] or "",
            bool(row["is_shared"]),
            row["updated_at"],
            row["updated_by"] or "",
            bool(row["is_default"]),
        )
        known = found.get(view.id)
        if known is None or _changed(known) < _changed(view):
            found[view.id] = view
    return list(found.values())


def _changed(view: SavedView) -> dt.datetime:
    return view.updated_at or _sql.EARLIEST


def defaults(wh: Warehouse, person: str) -> dict[str, str]:
    """Return the ids of the person's default views, by the name of the list.

    One statement. Raises as ``find`` does.
    """
    rows = wh.query(_sql.render(wh.namespace, _DEFAULTS), {"person": person})
    return {row["list_name"]: row["view_id"] for row in rows}


def create(wh: Warehouse, view: SavedView) -> None:
    """Save a new view of ``view.person``. Safe to repeat. One statement. Raises WarehouseError."""
    _write(wh, _CREATE, {"id": view.id, "list_name": view.list_name, **_values(view, view.person)})


def update(wh: Warehouse, view: SavedView, person: str, seen: dt.datetime | None) -> None:
    """Save name, settings and sharing of the view, if nobody changed it since ``seen``. One
    statement, two if it changed nothing. Raises ViewChanged and WarehouseError."""
    values = {"id": view.id, "seen": seen, **_values(view, person)}
    if _write(wh, _UPDATE, values):
        return
    # The answer to the first try may have been lost.
    current = get(wh, view.id)
    if current is None or _values(current, current.updated_by) != _values(view, person):
        raise ViewChanged(current)


def delete(wh: Warehouse, id: str) -> None:
    """Delete the view. It is nobody's default any more. One statement."""
    _write(wh, _DELETE, {"id": id})


def set_default(wh: Warehouse, person: str, list_name: str, view_id: str) -> None:
    """Make the view the person's default of the list; without a view, remove it. One statement."""
    values = {"person": person, "list_name": list_name, "view_id": view_id}
    _write(wh, _SET_DEFAULT, values)


def _values(view: SavedView, person: str) -> dict[str, Any]:
    return {
        "person": person,
        "name": view.name,
        "query": view.query,
        "is_shared": view.is_shared,
    }


def _write(wh: Warehouse, template: str, values: dict[str, Any]) -> int:
    return wh.execute(_sql.render(wh.namespace, template), values, repeatable=True)
