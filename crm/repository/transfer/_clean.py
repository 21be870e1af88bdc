"""SQL that makes of another table's rows what may go into ours, as crm/importing/cleaning.py does
with rows from files."""

# ruff: noqa: S608 - identifiers are ours, or information_schema's, quoted

from __future__ import annotations

from dataclasses import dataclass

from crm.model.namespace import Namespace
from crm.model.schema import (
    ACCOUNTS,
    PLATFORMS_STATUS,
    Column,
    Table,
)


@dataclass(frozen=True)
class Origin:
    """One table to be copied: where it is, and for each of its columns that is taken its name
    there and its type there, by our column."""

    namespace: Namespace
    name: str
    columns: dict[str, tuple[str, str]]

    @property
    def quoted(self) -> str:
        return f"{self.namespace.quoted_schema}.{_quoted(self.name)}"

    @property
    def full_name(self) -> str:
        return f"{self.namespace.catalog}.{self.namespace.schema}.{self.name}"


def clean_rows(table: Table, origin: Origin) -> str:
    """A query of the origin's rows as they would go in; beside each column what it was."""
    values = {column.name: _value(column, origin) for column in table.columns}
    inner = ", ".join(
        f"{value} AS `{name}`, {_raw(name, origin)} AS `{name}__raw`"
        for name, value in values.items()
    )
    query = f"SELECT {inner} FROM {origin.quoted} AS s"  # noqa: S608 - see _quoted
    if table is ACCOUNTS:
        return query
    others = ", ".join(f"`{name}`, `{name}__raw`" for name in table.names if name != "id")
    return (
        f"SELECT COALESCE(`id`, {_made_id(table)}) AS `id`, `id__raw`, {others} "  # noqa: S608
        f"FROM ({query}) AS i"
    )


def _raw(name: str, origin: Origin) -> str:
    if name not in origin.columns:
        return "CAST(NULL AS STRING)"
    source, type_ = origin.columns[name]
    value = f"s.{_quoted(source)}"
    if type_.upper().startswith("ARRAY"):
        value = f"ARRAY_JOIN({value}, '\\n')"
    return f"NULLIF(REGEXP_REPLACE(CAST({value} AS STRING), '^\\\\s+|\\\\s+$', ''), '')"


def _value(column: Column, origin: Origin) -> str:
    raw = _raw(column.name, origin)
    if column.type in ("DATE", "TIMESTAMP"):
        return f"TRY_CAST({raw} AS {column.type})"
    if column.kind == "links":
        return f"REGEXP_REPLACE({raw}, '\\\\s*[,;\\\\s]\\\\s*(https?://)', '\\n$1')"
    if column.kind != "long_text":
        return f"REGEXP_REPLACE({raw}, '\\\\s*\\\\n\\\\s*', ' ')"
    return raw


# As crm/importing/rows.py makes ids (UUID version 5), so that a file and a table of the same
# content become the same rows.
_SPACE = "0c5b7a435a0e4a559d3c6f0c2f4be1f1"


def _made_id(table: Table) -> str:
    names = [name for name in table.own_names if name != table.key]
    if table is PLATFORMS_STATUS:
        names = list(table.match)
    texts = ", ".join(f"COALESCE(CAST(`{name}` AS STRING), '')" for name in names)
    content = f"CONCAT_WS('\\u001f', '{table.name}', {texts})"
    sha = f"SHA1(CONCAT(UNHEX('{_SPACE}'), ENCODE({content}, 'UTF-8')))"
    variant = f"TRANSLATE(SUBSTR({sha}, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab')"
    return (
        f"CONCAT(SUBSTR({sha}, 1, 8), '-', SUBSTR({sha}, 9, 4), '-5', SUBSTR({sha}, 14, 3), '-', "
        f"{variant}, SUBSTR({sha}, 18, 3), '-', SUBSTR({sha}, 21, 12))"
    )


def reason(table: Table, *, names: bool = False) -> str:
    """Why a row is refused (or, with ``names``, because of which column); NULL: it is sound."""
    cases = []
    required = dict.fromkeys([*filter(None, [table.parent_key]), *table.match])
    for name in required:
        label = table.column(name).label
        cases.append((name, f"`{name}` IS NULL", f"{label} is missing"))
    for name in dict.fromkeys([*filter(None, [table.parent_key]), table.key]):
        label = table.column(name).label
        bad = f"`{name}` RLIKE '[/\\\\x00-\\\\x1f]' OR `{name}` IN ('.', '..')"
        if name == "bsnid":
            bad += f" OR LOWER(`{name}`) = 'new'"
        cases.append((name, bad, f"{label} cannot be used: no address can hold it"))
    for column in table.columns:
        name = column.name
        if column.type in ("DATE", "TIMESTAMP"):
            bad = f"`{name}` IS NULL AND `{name}__raw` IS NOT NULL"
            cases.append((name, bad, f"{column.label} is no date; it should read like 2025-06-27"))
        else:
            bad = f"LENGTH(`{name}`) > {column.max_length}"
            text = f"{column.label} is too long; at most {column.max_length:,} characters fit"
            cases.append((name, bad, text))
    whens = " ".join(f"WHEN {bad} THEN '{name if names else text}'" for name, bad, text in cases)
    return f"CASE {whens} END"


def _quoted(name: str) -> str:
    """A name that information_schema gave, as an identifier."""
    return "`" + name.replace("`", "``") + "`"
