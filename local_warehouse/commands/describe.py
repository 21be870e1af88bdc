"""DESCRIBE TABLE, DETAIL, SCHEMA and CATALOG."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
from deltalake import DeltaTable

from local_warehouse.catalog import types
from local_warehouse.catalog.objects import Constraint, Table
from local_warehouse.context import Context
from local_warehouse.result import MOMENT, NUMBER, TEXT, Result, rows
from local_warehouse.sql.parsing import Words

Row = tuple[str, str | None, str | None]


def table(words: Words, context: Context) -> Result:
    words.accept("TABLE")
    extended = words.accept("EXTENDED")
    found = context.resolver.table(words.table())
    words.end()
    values: list[Row] = [(c.name, types.shown(c.type), c.comment) for c in found.columns]
    if found.cluster_by:
        values += [("# Clustering Information", "", ""), ("# col_name", "data_type", "comment")]
        for name in found.cluster_by:
            if (column := found.column(name)) is not None:
                values.append((name, types.shown(column.type), column.comment))
    if extended:
        values += _details(found, context)
    return rows({"col_name": TEXT, "data_type": TEXT, "comment": TEXT}, values)


def _details(found: Table, context: Context) -> list[Row]:
    facts = {
        "# Detailed Table Information": "",
        "Catalog": found.catalog,
        "Database": found.schema,
        "Table": found.name,
        "Created Time": dt.datetime.fromtimestamp(found.created_at, dt.UTC).isoformat(),
        "Owner": found.owner,
        "Comment": found.comment or "",
        "Type": "MANAGED",
        "Provider": "delta",
        "Location": str(context.catalog.location(found)),
        "Table Properties": "["
        + ",".join(f"{key}={value}" for key, value in sorted(found.properties.items()))
        + "]",
    }
    values: list[Row] = [("", "", ""), *((name, value, "") for name, value in facts.items())]
    keys: list[Row] = [(key.name, _constraint(key), "") for key in found.constraints]
    keys += [(name, f"CHECK ({check})", "") for name, check in found.checks.items()]
    return values + ([("# Constraints", "", ""), *keys] if keys else [])


def _constraint(key: Constraint) -> str:
    text = f"{key.kind} ({', '.join(f'`{column}`' for column in key.columns)})"
    if key.references:
        text += " REFERENCES " + ".".join(f"`{part}`" for part in key.references)
        text += f" ({', '.join(f'`{column}`' for column in key.referenced_columns or [])})"
    return text


def detail(words: Words, context: Context) -> Result:
    found = context.resolver.table(words.table(), "SELECT")
    words.end()
    delta = DeltaTable(context.catalog.location(found))
    actions = pa.table(delta.get_add_actions(flatten=True))
    sizes = actions.column("size_bytes").to_pylist()
    created = dt.datetime.fromtimestamp(found.created_at, dt.UTC)
    return rows(
        {
            "format": TEXT,
            "id": TEXT,
            "name": TEXT,
            "description": TEXT,
            "location": TEXT,
            "createdAt": MOMENT,
            "clusteringColumns": pa.list_(TEXT),
            "numFiles": NUMBER,
            "sizeInBytes": NUMBER,
            "properties": pa.map_(TEXT, TEXT),
        },
        [
            (
                "delta",
                found.id,
                found.full_name,
                found.comment,
                str(context.catalog.location(found)),
                created,
                found.cluster_by,
                len(sizes),
                sum(sizes),
                sorted(found.properties.items()),
            )
        ],
    )


def schema(words: Words, context: Context) -> Result:
    words.accept("EXTENDED")
    securable = context.resolver.schema(words.name())
    words.end()
    catalog_name, name = securable.path
    found = context.catalog.schema(catalog_name, name)
    context.access.require_visible(securable)
    facts = {"Catalog Name": catalog_name, "Namespace Name": name, "Comment": found.comment or ""}
    return _result(
        {**facts, "Owner": found.owner},
        ("database_description_item", "database_description_value"),
    )


def catalog(words: Words, context: Context) -> Result:
    words.accept("EXTENDED")
    (name,) = words.name()
    words.end()
    found = context.catalog.catalog(name)
    context.access.require_visible(context.resolver.catalog_named(name))
    facts = {"Catalog Name": name, "Comment": found.comment or "", "Owner": found.owner}
    return _result(facts, ("info_name", "info_value"))


def _result(facts: dict[str, str], columns: tuple[str, str]) -> Result:
    return rows(dict.fromkeys(columns, TEXT), list(facts.items()))
