"""The GRANT statements that EDIP CRM's people, and the app itself, need in Unity Catalog.

Rights on tables are granted table by table: the schema may hold other people's tables, too.
"""

from __future__ import annotations

import re

from crm.model.namespace import Namespace
from crm.model.schema import TABLES

READER, EDITOR, CREATOR = "reader", "editor", "creator"
ROLES = {
    READER: "sees everything, changes nothing",
    EDITOR: "what the app's service principal needs, or a person under EDIP_AUTH=user",
    CREATOR: "runs create_tables, and owns what it creates",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def principal_name(name: str) -> str:
    """A user, group, or service principal (by its application id), quoted.

    Raises ValueError where no name can be like that.
    """
    if not name.strip() or len(name) > 255 or _CONTROL.search(name):
        raise ValueError(f"{name!r} cannot be the name of a user, group or service principal")
    return "`" + name.strip().replace("`", "``") + "`"


def grant(privileges: str, on: str, principal: str) -> str:
    """One statement; ``on`` such as ``CATALOG `edip_crm```, ``principal`` not quoted yet."""
    return f"GRANT {privileges} ON {on} TO {principal_name(principal)}"


def create_catalog(principal: str) -> str:
    return grant("CREATE CATALOG", "METASTORE", principal)


def statements(role: str, namespace: Namespace, principal: str) -> list[str]:
    """What the role needs where catalog and schema exist (and, except to create, the tables)."""
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
        *(grant(rights, f"TABLE {namespace.table(table)}", principal) for table in TABLES),
    ]
