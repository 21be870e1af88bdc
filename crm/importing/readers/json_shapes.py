"""The shapes in which JSON files hold records, and how to read each of them.

RECORDS   a list of objects
KEYED     an object of objects, by id
LINES     one object per line, without a list around them
RECORD    a single object
COLUMNS   column → row → value, or column → list of values (pandas: ``to_json()``)
ROWS      a list of rows, its headings beside it (pandas: ``orient="split"``, SQL warehouses' API)
          or in its first rows
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import Any

import ijson

from crm.importing.errors import SourceError
from crm.importing.headings import (
    ROWS_SEARCHED,
    cell_text,
    columns_by_index,
    heading_row,
    normal,
    table_key,
)
from crm.model.schema import TABLE_BY_NAME, TABLES, Table

from .json_outline import Node, records_under
from .json_text import JsonText

RECORDS, KEYED, LINES, RECORD = "records", "keyed", "lines", "record"
COLUMNS, ROWS = "columns", "rows"
# Shapes that are built in memory before their first record is known.
MAX_BYTES_IN_MEMORY = 64 * 2**20
# Keys under which programs wrap a list of records, or an object that has such a key.
_WRAPPERS = (
    *("data", "items", "records", "rows", "results", "value", "values"),
    *("d", "response", "result", "hits", "edges"),
)
# Keys under which programs list the names of columns, and the rows under these.
_HEADINGS, _ROWS = ("columns", "meta"), ("data", "rows")
# Keys of records under which some programs keep the columns: Airtable, Django, GraphQL, search.
_INNER = ("fields", "attributes", "properties", "node", "_source")


@dataclass(frozen=True)
class Section:
    """Records at one place of a file. ``prefix`` is the place as ijson names it; ``headings``
    are those of ROWS, if the file has them elsewhere."""

    prefix: str
    shape: str
    headings: tuple[str, ...] = ()


def section(text: JsonText, prefix: str, node: Node, table: Table | None) -> Section | None:
    """Return how a value holds records of a table (None: of any), or None if it holds none."""
    if node.is_list:
        is_rows = bool(node.items) and all(item.is_list for item in node.items)
        return Section(prefix, ROWS if is_rows else RECORDS)
    if not node.is_object:
        return None
    names, rows = _lists(node, _HEADINGS), _lists(node, _ROWS)
    if names and rows:
        found = _all(text, _below(prefix, f"{names[0]}.item"))
        # With orient="table" a column is an object with a name.
        headings = [name.get("name") if isinstance(name, dict) else name for name in found]
        return Section(_below(prefix, rows[0]), ROWS, tuple(map(cell_text, headings)))
    data = node.get("data")
    if node.get("schema") and data and data.is_list:
        return section(text, _below(prefix, "data"), data, table)
    if is_by_column(node, table):
        return Section(prefix, COLUMNS)
    if name := _wrapper(node):
        return section(text, _below(prefix, name), node.get(name) or node, table)
    return Section(prefix, KEYED)


def whole_file(text: JsonText, roots: list[Node]) -> Section | None:
    """Return how a file as a whole holds records of one table, or None if it does not."""
    root = roots[0]
    if len(roots) > 1:
        return Section("", LINES) if root.is_object else None
    if result := _api_result(text, root):
        return result
    if root.is_object:
        if root.keys and not any(child.is_object or child.is_list for _, child in root.keys):
            return Section("", RECORD)
        is_table = bool(_lists(root, _HEADINGS)) or is_by_column(root, None)
        wrappers = [
            (wrapped.is_list and not wrapped.items, name, wrapped)
            for name, wrapped in root.keys
            if name.lower() in _WRAPPERS
            and ((wrapped.is_list and not is_table) or _wrapper(wrapped))
        ]
        if wrappers:  # the first, but an empty one only without others
            _, name, wrapped = min(wrappers, key=itemgetter(0))
            return section(text, name, wrapped, None)
        found = section(text, "", root, None)
        is_keyed = found is not None and found.shape == KEYED
        if is_keyed and not all(child.is_object for _, child in root.keys):
            return Section("", RECORD) if _known(root.names, None) >= 2 else None
        return None if not root.keys or (is_keyed and all(map(_is_deeper, root.keys))) else found
    return section(text, "", root, None)


def headings_of(section: Section, node: Node) -> list[str]:
    """Return the headings of a file's records, as far as its outline knows them."""
    if section.headings or section.shape == ROWS:
        return list(section.headings)
    if section.shape in (COLUMNS, LINES, RECORD):
        return node.names
    for name in filter(None, section.prefix.split(".")):
        node = node.get(name) or node
    names = chain.from_iterable(record.names for record in records_under(node))
    return list(dict.fromkeys(names))


def is_by_column(node: Node, table: Table | None) -> bool:
    """Return whether an object's keys are columns, each with the values of all rows."""
    values = [child for _, child in node.keys]
    if not values or not all(child.is_object or child.is_list for child in values):
        return False
    known = _known(node.names, table)
    inner = max((_known(child.names, table) for child in values), default=0)
    has_records = any(item.is_object for child in values for item in child.items)
    return known > inner and (known >= 2 or known == len(values)) and not has_records


def read(text: JsonText, section: Section, table: Table) -> Iterator[tuple[str, Any]]:
    """Yield (key, record) of a section; the key of a list's record is its number."""
    pairs: Iterator[tuple[Any, Any]]
    with text.open() as file:
        if section.shape == KEYED:
            pairs = iter(ijson.kvitems(file, section.prefix))
        elif section.shape == RECORDS:
            pairs = enumerate(ijson.items(file, _below(section.prefix, "item")), start=1)
        elif section.shape in (LINES, RECORD):
            pairs = enumerate(ijson.items(file, "", multiple_values=True), start=1)
        elif section.shape == COLUMNS:
            pairs = _by_row(_in_memory(text, section))
        else:
            rows = ijson.items(file, _below(section.prefix, "item"))
            pairs = _under_headings(rows, section, table)
        for key, record in pairs:
            yield str(text.values(key)), _flat(text.values(record))


def _flat(record: Any) -> Any:
    """Return the record with the columns that a program keeps in an object of their own."""
    if not isinstance(record, dict):
        return record
    for name in _INNER:
        inner = record.get(name)
        if isinstance(inner, dict):
            rest = {key: value for key, value in record.items() if key != name}
            if not _known([key for key in rest if normal(key) != "id"], None):
                return rest | inner
    return record


def _is_deeper(pair: tuple[str, Node]) -> bool:
    """Return whether a value of the file is no record, but has a list of records of something."""
    _, node = pair
    is_known = any(table_key(name) in TABLE_BY_NAME or _known([name], None) for name in node.names)
    lists = [child.items[0] for _, child in node.keys if child.is_list and child.items]
    return not is_known and any(first.is_object for first in lists)


def _wrapper(node: Node) -> str:
    """Return the key under which an object has a list of records; empty if it has none, or
    records beside it."""
    if any(child.is_object and _known(child.names, None) for _, child in node.keys):
        return ""
    return next(iter(_lists(node, _WRAPPERS)), "")


def _lists(node: Node, names: Collection[str]) -> list[str]:
    """Return the keys of lists among these names, however these are capitalized."""
    return [name for name, child in node.keys if child.is_list and name.lower() in names]


def _known(names: list[str], table: Table | None) -> int:
    """Return how many of these names are columns of the table; without a table, of the one with
    the most."""
    tables = [table] if table else TABLES
    return max(sum(map(len, columns_by_index(each, names).values())) for each in tables)


def _api_result(text: JsonText, root: Node) -> Section | None:
    """The result of a statement, as the API of SQL warehouses gives it
    (https://docs.databricks.com/api/workspace/statementexecution), or of a command."""
    result, results = root.get("result"), root.get("results")
    if root.get("manifest") and result and result.is_object:
        names = _all(text, "manifest.schema.columns.item.name")
        if result.get("external_links"):
            raise SourceError("The file holds links to a query’s result instead of the rows.")
        return Section("result.data_array", ROWS, tuple(map(cell_text, names)))
    if results and results.is_object and results.get("schema") and results.get("data"):
        names = [cell_text(name).strip('"') for name in _all(text, "results.schema.item.name")]
        return Section("results.data", ROWS, tuple(names))
    return None


def _all(text: JsonText, prefix: str) -> list[Any]:
    with text.open() as file:
        return list(ijson.items(file, prefix))


def _below(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _in_memory(text: JsonText, section: Section) -> Any:
    if text.size > MAX_BYTES_IN_MEMORY:
        raise SourceError(
            "The file holds one column after the other and is too large for that; save it as "
            'records (in pandas: to_json(orient="records")).'
        )
    return _all(text, section.prefix)[0]


def _by_row(columns: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    records: dict[str, dict[str, Any]] = {}
    for name, values in columns.items():
        pairs = values.items() if isinstance(values, dict) else enumerate(values)
        for row, value in pairs:
            records.setdefault(str(row), {})[name] = value
    yield from records.items()


def _under_headings(
    rows: Iterator[Any], section: Section, table: Table
) -> Iterator[tuple[int, Any]]:
    headings, first = list(section.headings), 0
    if not headings:
        start = list(islice(rows, ROWS_SEARCHED))
        place, known = heading_row(table, [row for row in start if isinstance(row, list)])
        if len(start) == 1 and not known:
            place = -1  # a record rather than headings
        headings = [cell_text(cell) for cell in start[place]] if place >= 0 else []
        rows, first = chain(start[place + 1 :], rows), place + 1
    for number, row in enumerate(rows, start=first + 1):
        yield number, _under(headings, row) if headings and isinstance(row, list) else row


def _under(headings: list[str], row: list[Any]) -> dict[str, Any]:
    """Return the record; values beyond the headings have names that say so."""
    beyond = [f"(value {n})" for n in range(len(headings) + 1, len(row) + 1)]
    return dict(zip([*headings, *beyond], row, strict=False))
