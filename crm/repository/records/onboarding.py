"""Create an account with its first statuses, use case and update, as one operation."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from crm.model.records import Record, Update, UseCase
from crm.model.schema import UPDATES, USE_CASES, Table
from crm.repository import _sql, operations
from crm.repository._sql import Values
from crm.repository.operations import Operation
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.warehouse import Warehouse

from . import _children, accounts, platforms

# The pattern that most keys have: what comes before their number, and the largest number.
_PATTERN = """
SELECT prefix, COUNT(*) AS n, MAX(CAST(number AS BIGINT)) AS number,
  MAX(LENGTH(number)) AS digits
FROM (
  SELECT number, SUBSTRING(bsnid, 1, LENGTH(bsnid) - LENGTH(number)) AS prefix
  FROM (SELECT bsnid, REGEXP_EXTRACT(bsnid, '([0-9]{{1,9}})$', 1) AS number FROM {accounts}) AS n
  WHERE number <> ''
) AS k
GROUP BY prefix ORDER BY n DESC, prefix LIMIT 1
"""


@dataclass(frozen=True)
class Beginning:
    """What a new account begins with: statuses by platform, a use case, an update."""

    statuses: Mapping[str, str] = field(default_factory=dict)
    use_case: Values = field(default_factory=dict)
    update: Values = field(default_factory=dict)


def next_bsnid(wh: Warehouse) -> str:
    """Return the key after the last one, as most keys are formed; empty if there is no pattern.

    One statement. Somebody else may take it first.
    """
    rows = wh.query(_sql.render(wh.namespace, _PATTERN))
    if not rows:
        return ""
    return f"{rows[0]['prefix']}{rows[0]['number'] + 1:0{rows[0]['digits']}}"


def create(
    wh: Warehouse, values: Values, form: str, beginning: Beginning, earlier: Earlier = NOTHING
) -> bool:
    """Create the account and what it begins with; return whether the person sees the account.

    Sending the ``form`` again changes nothing more. Raises as ``accounts.create``, and HalfDone;
    ``earlier`` are the attempts that did. Two statements for each record.
    """
    operation = operations.of_form(wh, operations.CREATE, form).resume(earlier.operation)
    bsnid, seen = str(values["bsnid"]), [True]

    def create_account() -> int:
        seen.append(accounts.create(wh, values, form, operation))
        return 1

    def set_status(platform: str, status: str) -> int:
        platforms.set_status(wh, bsnid, platform, status, None, operation=operation)
        return 1

    steps = [
        Step("Create the account", create_account),
        *(
            Step(f"Set {platform} to {status}", partial(set_status, platform, status))
            for platform, status in beginning.statuses.items()
        ),
    ]
    add = partial(_add, wh, bsnid, operation)
    if beginning.use_case:
        steps.append(
            Step("Add the use case", partial(add, USE_CASES, UseCase, beginning.use_case))
        )
    if beginning.update:
        steps.append(Step("Add the update", partial(add, UPDATES, Update, beginning.update)))
    run_steps(wh, operation, steps, done=earlier.done)
    return seen[-1]


def _add(
    wh: Warehouse,
    bsnid: str,
    operation: Operation,
    table: Table,
    kind: type[Record],
    values: Values,
) -> int:
    # The same id each time, so that a repeated step adds nothing; another one for another account,
    # which somebody describes who went back to the form.
    id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{operation.half}{table.name}{bsnid}"))
    _children.create(wh, table, kind, bsnid, id, values, operation=operation)
    return 1
