"""The GRANT statements that people and the app itself need in Unity Catalog.

Rights are granted on each table, because the schema may also have other tables.
"""

from __future__ import annotations

import re

from crm.model.namespace import Namespace, quoted
from crm.model.own_tables import (
    ALL_TABLES,
    DEFAULT_VIEWS,
    DIGESTS,
    FOLLOWS,
    PEOPLE,
    SAVED_VIEWS,
)
from crm.repository import _sql

READER, EDITOR, CREATOR = "reader", "editor", "creator"
ROLES = {
    READER: "may read all tables and change nothing",
    EDITOR: "may read and change all tables; the app's service principal needs this, as does a "
    "person who edits under EDIP_AUTH=user",
    CREATOR: "may run create_tables, and owns the tables that it creates",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def principal_name(name: str) -> str:
    """Return the name of a user, group or service principal (by application id), quoted.

    Raises ValueError for a text that cannot be such a name.
    """
    if not name.strip() or len(name) > 255 or _CONTROL.search(name):
        raise ValueError(f"{name!r} cannot be the name of a user, group or service principal")
    return quoted(name.strip())


def grant(privileges: str, on: str, principal: str) -> str:
    """Return one GRANT. ``on`` is like ``CATALOG `edip_crm```; ``principal`` is not quoted."""
    sql = "GRANT {privileges} ON {on} TO {principal}"
    return _sql.fill(sql, privileges=privileges, on=on, principal=principal_name(principal))


def create_catalog(principal: str) -> str:
    return grant("CREATE CATALOG", "METASTORE", principal)


def of_own_settings(namespace: Namespace, principal: str) -> list[str]:
    """Return the GRANTs with which readers can set their names, follow accounts, save views and
    choose digests.

    They apply to whole tables, so with SQL readers can also change the settings of others.
    """
    return [
        grant("MODIFY", f"TABLE {namespace.table(table)}", principal)
        for table in (PEOPLE, FOLLOWS, SAVED_VIEWS, DEFAULT_VIEWS, DIGESTS)
    ]


def statements(role: str, namespace: Namespace, principal: str) -> list[str]:
    """Return the role's GRANTs on the existing catalog, schema and, for readers and editors,
    tables."""
    catalog, schema = (
        f"CATALOG {namespace.quoted_catalog}",
        f"SCHEMA {namespace.quoted_schema}",
    )
    if role == CREATOR:
        return [
            grant("USE CATALOG, CREATE SCHEMA", catalog, principal),
            grant("USE SCHEMA, CREATE TABLE", schema, principal),
        ]
    rights = {READER: "SELECT", EDITOR: "SELECT, MODIFY"}[role]
    return [
        grant("USE CATALOG", catalog, principal),
        grant("USE SCHEMA", schema, principal),
        *(grant(rights, f"TABLE {namespace.table(table)}", principal) for table in ALL_TABLES),
    ]
