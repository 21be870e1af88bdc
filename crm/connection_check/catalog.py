"""Checks inside the warehouse: Unity Catalog, catalog, schema, tables, privileges, a write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from crm.model.schema import Table
from crm.repository import atomic
from crm.repository.tables import grants, inspection
from crm.repository.tables.inspection import Found
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from .errors import message_of, missing_right
from .report import WARN, Problem

Kind = Literal["catalog", "schema"]

_UNITY_CATALOG_OFF = re.compile(r"UC_NOT_ENABLED|UNITY_CATALOG.*(DISABLED|NOT_ENABLED)")


def check_unity_catalog(wh: Warehouse) -> set[tuple[str, str]]:
    """Return the existing objects, as (kind, name in lower case).

    Raises Problem if the warehouse works without Unity Catalog.
    """
    try:
        return inspection.existing(wh)
    except WarehouseError as error:
        text = f"{error.error_class} {message_of(error)}"
        if _UNITY_CATALOG_OFF.search(text) or error.sqlstate in ("0AKUC", "0AKUD"):
            raise Problem(
                "unity-catalog-off",
                "This warehouse works without Unity Catalog.",
                "Let an administrator assign a metastore to the workspace, or choose a workspace "
                "that has one: EDIP CRM's tables are in Unity Catalog.",
            ) from error
        raise


def container_name(wh: Warehouse, kind: Kind) -> str:
    return wh.namespace.catalog if kind == "catalog" else wh.namespace.schema


def missing_container(wh: Warehouse, kind: Kind) -> Problem:
    """Return the problem that the catalog or the schema does not exist or is not visible."""
    return Problem(
        f"{kind}-missing",
        f"There is no {kind} {container_name(wh, kind)}, or you may not see it.",
        "If it does not exist: run manage.py create_tables, or choose another with "
        f"DATABRICKS_{kind.upper()}. If it exists, its owner runs\n{_use(wh, kind)};",
    )


def create_container(wh: Warehouse, kind: Kind) -> str:
    """Create the catalog or the schema and return a message. Raises Problem."""
    name = container_name(wh, kind)
    create = inspection.create_catalog if kind == "catalog" else inspection.create_schema
    try:
        create(wh)
    except (PermissionDenied, ObjectNotFound) as error:
        raise Problem(
            f"{kind}-not-creatable",
            f"There is no {kind} {name} that you may see, and you may not create it.",
            f"Ask an administrator for\n{_right_to_create(wh, kind)};\nor choose another with "
            f"DATABRICKS_{kind.upper()}.",
        ) from error
    return f"{name} has been created"


def _use(wh: Warehouse, kind: Kind) -> str:
    if kind == "catalog":
        return grants.grant("USE CATALOG", f"CATALOG {wh.namespace.quoted_catalog}", "<you>")
    return grants.grant("USE SCHEMA", f"SCHEMA {wh.namespace.quoted_schema}", "<you>")


def _right_to_create(wh: Warehouse, kind: Kind) -> str:
    if kind == "catalog":
        return grants.create_catalog("<you>")
    home = f"CATALOG {wh.namespace.quoted_catalog}"
    return grants.grant("USE CATALOG, CREATE SCHEMA", home, "<you>")


def check_table(wh: Warehouse, table: Table, columns: dict[str, Found]) -> str:
    """Check that the table exists with the columns of crm/model/schema.py. Raises Problem."""
    name = f"{wh.namespace.prefix}{table.name}"
    if not columns:
        # The table may exist without being visible; only a read shows whether it does.
        try:
            inspection.read_nothing(wh, table)
        except ObjectNotFound as error:
            raise Problem(
                "table-missing",
                f"There is no table {name}.",
                "manage.py set_up creates what is missing. If somebody dropped the table: UNDROP\n"
                "TABLE in the SQL editor, or manage.py restore, brings its rows back.",
            ) from error
        except PermissionDenied:
            return f"you may not see {name}"
        return f"{name} exists; you may not see its columns"
    wrong = list(_differences(table, columns))
    if wrong:
        raise Problem(
            "table-shape",
            f"{name} differs from what EDIP CRM needs: {'; '.join(wrong)}.",
            "If it belongs to another application, set DATABRICKS_TABLE_PREFIX. If it is EDIP "
            "CRM's from another version, see docs/deploy.md, “Upgrade”.",
        )
    return f"{name} exists with its {len(table.stored_columns)} columns"


def _differences(table: Table, columns: dict[str, Found]) -> Iterator[str]:
    ours = {column.name: column for column in table.stored_columns}
    for name, column in ours.items():
        found = columns.get(name)
        if found is None:
            yield f"column {name} is missing"
        elif found.type != column.type:
            yield f"column {name} is {found.type}, not {column.type}"
    for name, found in columns.items():
        if name not in ours and not found.nullable:
            yield f"column {name}, which EDIP CRM does not know, is NOT NULL"


def check_privilege(wh: Warehouse, table: Table, privilege: str) -> str:
    """Check SELECT or MODIFY by using it on no row. Raises Problem if it is missing."""
    name = f"{wh.namespace.prefix}{table.name}"
    verb = "read" if privilege == "SELECT" else "change"
    use: Callable[[Warehouse, Table], None] = {
        "SELECT": inspection.read_nothing,
        "MODIFY": inspection.change_nothing,
    }[privilege]
    try:
        use(wh, table)
    except PermissionDenied as error:
        lacking = missing_right(error)
        on = f"TABLE {wh.namespace.table(table)}"
        role = grants.READER if privilege == "SELECT" else grants.EDITOR
        raise Problem(
            f"no-{privilege.lower()}",
            f"You may not {verb} {name}" + (f": {lacking} is missing." if lacking else "."),
            f"The owner runs\n{grants.grant(privilege, on, '<you>')};\n"
            f"For all privileges: manage.py print_grants --role {role} --principal <you>",
        ) from error
    return f"you may {verb} {name}"


def check_transactions(wh: Warehouse) -> str:
    """Return a message that says whether operations run as transactions. Raises Problem."""
    hindrance = atomic.probe(wh)
    if not hindrance:
        return "small imports, deletions of accounts, their undo, and repairs run as transactions"
    if not hindrance.is_refusal:
        return f"not used, operations run step by step: {hindrance.text}"
    raise Problem(
        "no-transactions",
        "The warehouse refuses transactions, so operations run step by step.",
        f"The tables have the table feature for them, but it answers: {hindrance.text}",
        status=WARN,
    )


def check_write(wh: Warehouse) -> str:
    """Create, fill, read and drop a table of our own. Raises Problem."""
    table = inspection.ThrowAwayTable(wh)
    try:
        table.create()
    except PermissionDenied as error:
        schema = f"SCHEMA {wh.namespace.quoted_schema}"
        raise Problem(
            "no-create-table",
            f"You may not create a table in {wh.namespace.schema}.",
            "Only create_tables and this check need this right. To grant it, the owner runs\n"
            f"{grants.grant('USE SCHEMA, CREATE TABLE', schema, '<you>')};",
        ) from error
    try:
        rows = table.write()
    finally:
        table.drop()
    if rows != 1:
        raise Problem(
            "write-lost",
            f"A row was written to {table.name}, and {rows} came back.",
            "This should not be possible. Please report it with the log.",
        )
    return f"created {table.name}, wrote to it, read it and dropped it"
