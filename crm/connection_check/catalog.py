"""Within the warehouse: Unity Catalog, catalog, schema, tables, privileges, a write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from crm.model.schema import Table
from crm.repository.tables import grants, inspection
from crm.repository.tables.inspection import Found
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, PermissionDenied, WarehouseError

from .errors import message_of, missing_right
from .report import Problem

_ADMIN = "an administrator"
_UNITY_CATALOG_OFF = re.compile(r"UC_NOT_ENABLED|UNITY_CATALOG.*(DISABLED|NOT_ENABLED)")


def check_unity_catalog(wh: Warehouse) -> set[tuple[str, str]]:
    """What can be seen. Raises Problem where there is no Unity Catalog to look into."""
    try:
        return inspection.existing(wh)
    except WarehouseError as error:
        known = f"{error.error_class} {message_of(error)}"
        if _UNITY_CATALOG_OFF.search(known) or error.sqlstate in ("0AKUC", "0AKUD"):
            raise Problem(
                "unity-catalog-off",
                "This warehouse works without Unity Catalog.",
                "Have a metastore assigned to the workspace, or choose a workspace that has "
                "one: EDIP CRM's tables live in Unity Catalog.",
            ) from error
        raise


def check_container(
    wh: Warehouse, what: str, there: set[tuple[str, str]], create: bool
) -> tuple[str, set[tuple[str, str]]]:
    """The catalog or the schema: what to say, and what is there then."""
    name = wh.namespace.catalog if what == "catalog" else wh.namespace.schema
    if (what, name.lower()) in there:
        return f"{name} is there", there
    if not create:
        raise Problem(
            f"{what}-missing",
            f"There is no {what} {name}, or it may not be seen.",
            "Where it does not exist: manage.py create_tables, or choose another with "
            f"DATABRICKS_{what.upper()}. Where it does, its owner runs\n{_use(wh, what)};",
        )
    make = {"catalog": inspection.create_catalog, "schema": inspection.create_schema}[what]
    try:
        make(wh)
    except (PermissionDenied, ObjectNotFound) as error:
        raise Problem(
            f"{what}-not-creatable",
            f"There is no {what} {name} that may be seen, and none may be created.",
            f"Ask {_ADMIN} for\n{_right_to_create(wh, what)};\nor choose another with "
            f"DATABRICKS_{what.upper()}.",
        ) from error
    return f"{name} has been created", there | {(what, name.lower())}


def _use(wh: Warehouse, what: str) -> str:
    return {
        "catalog": grants.grant("USE CATALOG", f"CATALOG {wh.namespace.quoted_catalog}", "<you>"),
        "schema": grants.grant("USE SCHEMA", f"SCHEMA {wh.namespace.quoted_schema}", "<you>"),
    }[what]


def _right_to_create(wh: Warehouse, what: str) -> str:
    if what == "catalog":
        return grants.create_catalog("<you>")
    home = f"CATALOG {wh.namespace.quoted_catalog}"
    return grants.grant("USE CATALOG, CREATE SCHEMA", home, "<you>")


def check_table(wh: Warehouse, table: Table, columns: dict[str, Found]) -> str:
    """That it is there, and of the shape that crm/model/schema.py describes."""
    name = f"{wh.namespace.prefix}{table.name}"
    if not columns:
        # Unseen is not missing: only reading tells.
        try:
            inspection.read_nothing(wh, table)
        except ObjectNotFound as error:
            raise Problem(
                "table-missing",
                f"There is no table {name}.",
                "manage.py create_tables creates what is missing, and nothing else.",
            ) from error
        except PermissionDenied:
            return f"{name} may not be seen"
        return f"{name} is there; its columns may not be seen"
    wrong = list(_differences(table, columns))
    if wrong:
        raise Problem(
            "table-shape",
            f"{name} is not as EDIP CRM needs it: {'; '.join(wrong)}.",
            "Is it another application's? Then set DATABRICKS_TABLE_PREFIX. If it is ours, of "
            "another version: docs/deploy.md, “Upgrade”.",
        )
    return f"{name} is there, with its {len(table.columns)} columns"


def _differences(table: Table, columns: dict[str, Found]) -> Iterator[str]:
    ours = {column.name: column for column in table.columns}
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
    """The right to SELECT or to MODIFY, by using it on no row."""
    name = f"{wh.namespace.prefix}{table.name}"
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
            f"{name} may not be {'read' if privilege == 'SELECT' else 'changed'}"
            + (f": {lacking} is missing." if lacking else "."),
            f"The owner runs\n{grants.grant(privilege, on, '<you>')};\n"
            f"All that is needed: manage.py print_grants --role {role} --principal <you>",
        ) from error
    return f"{privilege} on {name}"


def check_write(wh: Warehouse) -> str:
    table = inspection.ThrowAwayTable(wh)
    try:
        table.create()
    except PermissionDenied as error:
        schema = f"SCHEMA {wh.namespace.quoted_schema}"
        raise Problem(
            "no-create-table",
            f"No table may be created in {wh.namespace.schema}.",
            "Only create_tables and this check need that. To allow it, the owner runs\n"
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
            "Report this, with the log: it should not be possible.",
        )
    return f"created {table.name}, wrote to it, read it and dropped it"
