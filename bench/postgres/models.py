"""Django's models of the CRM's tables, made from their description, with the indexes of the lists.

All is as a Django project with these pages would have it: foreign keys, and an index for each
order in which a list is shown at first.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.functions import Lower

from crm.model.records import AnyRecord
from crm.model.schema import (
    ACCOUNTS,
    CHILDREN,
    PLATFORMS_STATUS,
    TABLES,
    UPDATES,
    USE_CASES,
    Column,
    Table,
)

_FIELDS = {
    "STRING": models.TextField,
    "DATE": models.DateField,
    "TIMESTAMP": models.DateTimeField,
}
_INDEXES = {
    ACCOUNTS: [models.Index(Lower("team"), "bsnid", name="accounts_by_team")],
    USE_CASES: [models.Index(models.F("updated_at").desc(), "id", name="use_cases_by_change")],
    UPDATES: [models.Index(*(models.F(n).desc() for n in ("date", "created_at")), "id", name="d")],
}


def _model(table: Table) -> type[models.Model]:
    options = {"app_label": "postgres", "db_table": table.name, "indexes": _INDEXES.get(table, [])}
    body: dict[str, Any] = {"__module__": __name__, "Meta": type("Meta", (), options)}
    for column in table.columns:
        if column.name == table.parent_key:
            body["account"] = models.ForeignKey(
                "postgres.accounts", models.CASCADE, related_name=table.name, db_column=column.name
            )
        else:
            body[column.name] = _field(table, column)
    return type(table.name, (models.Model,), body)


def _field(table: Table, column: Column) -> models.Field[Any, Any]:
    kind: type[models.Field[Any, Any]] = _FIELDS[column.type]
    return kind(primary_key=True) if column.name == table.key else kind(null=True)


MODELS: dict[Table, Any] = {table: _model(table) for table in TABLES}
Accounts = MODELS[ACCOUNTS]
PlatformsStatus, UseCases, Updates = (
    MODELS[each] for each in (PLATFORMS_STATUS, USE_CASES, UPDATES)
)


def record(kind: type[AnyRecord], row: Any, **more: Any) -> AnyRecord:
    """Return the record with the row's values."""
    parent = kind.table.parent_key if kind.table in CHILDREN else ""
    values = {n: getattr(row, "account_id" if n == parent else n) for n in kind.table.names}
    return kind(**values, **more)
