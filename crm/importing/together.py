"""Writes planned rows as one transaction, where the warehouse has transactions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from crm.model.schema import Table
from crm.repository import atomic
from crm.repository.atomic import NotAtomic, Statement
from crm.repository.operations import Operation
from crm.repository.steps import insist
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

from .planning import Planned


def write(
    wh: Warehouse, operation: Operation, planned: Iterable[Planned], *, overwrite: bool
) -> dict[Table, int]:
    """Write the rows and return how many, by table; empty where the warehouse refuses it."""
    statements = []
    for number, each in enumerate(planned):
        sql, params = upsert.statement(
            wh,
            each.table,
            each.rows,
            operation,
            overwrite=overwrite,
            sparse=True,
            parameter=f"rows{number}",
        )
        statements.append(Statement(sql, params, each.table))
    try:
        return insist(wh, partial(atomic.run, wh, operation, statements))
    except NotAtomic:
        return {}
