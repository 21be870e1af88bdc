"""Create an account with its first statuses, use case and update, as one operation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from crm.model.records import Record, Update, UseCase
from crm.model.schema import UPDATES, USE_CASES, Table
from crm.repository import _sql, operations
from crm.repository._sql import Values
from crm.repository.errors import Missing
from crm.repository.operations import Operation
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.warehouse import Warehouse

from . import _children, accounts, platforms

# The most common prefix of keys that end with a number, and the largest number.
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
    """The first records of a new account: statuses by platform, a use case, an update."""

    statuses: Mapping[str, str] = field(default_factory=dict)
    use_case: Values = field(default_factory=dict)
    update: Values = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """Return the choices and texts of the person."""
        chosen = [f"{platform}: {status}" for platform, status in self.statuses.items()]
        typed = (self.use_case.get("problem"), self.update.get("description"))
        return [*chosen, *(f"“{text}”" for text in typed if text)]


def next_bsnid(wh: Warehouse) -> str:
    """Return the key after the largest one of the most common pattern; empty without a pattern.

    One statement. Somebody else may use the key first.
    """
    rows = wh.query(_sql.render(wh.namespace, _PATTERN))
    if not rows:
        return ""
    return f"{rows[0]['prefix']}{rows[0]['number'] + 1:0{rows[0]['digits']}}"


def create(
    wh: Warehouse, values: Values, form: str, beginning: Beginning, earlier: Earlier = NOTHING
) -> bool:
    """Create the account and its first records; return whether the person sees the account.

    Nothing is added to an account that a row filter hides from them, or that somebody has deleted.
    Sending the ``form`` again has no further effect. Raises what ``accounts.create`` raises, and
    HalfDone; ``earlier`` are the attempts that ended so. Two statements for each record.
    """
    operation = operations.of_form(wh, operations.CREATE, form).resume(earlier.operation)
    bsnid, is_seen = str(values["bsnid"]), True

    def create_account() -> int:
        nonlocal is_seen
        is_seen = accounts.create(wh, values, form, operation)
        return 1

    def begin(write: Callable[[], object]) -> int:
        nonlocal is_seen
        try:
            if is_seen:
                write()
        except Missing:
            is_seen = False
        return int(is_seen)

    set_status = partial(platforms.set_status, wh, bsnid, operation=operation)
    add = partial(_add, wh, bsnid, operation)
    writes: list[tuple[str, Callable[[], object]]] = [
        (f"Set {platform} to {status}", partial(set_status, platform, status, None))
        for platform, status in beginning.statuses.items()
    ]
    if beginning.use_case:
        writes.append(("Add the use case", partial(add, USE_CASES, UseCase, beginning.use_case)))
    if beginning.update:
        writes.append(("Add the update", partial(add, UPDATES, Update, beginning.update)))
    steps = [Step("Create the account", create_account)]
    steps += [Step(name, partial(begin, write)) for name, write in writes]
    run_steps(wh, operation, steps, done=earlier.done)
    return is_seen


def _add(
    wh: Warehouse,
    bsnid: str,
    operation: Operation,
    table: Table,
    kind: type[Record],
    values: Values,
) -> None:
    id = child_id(operation.half, table, bsnid)
    _children.create(wh, table, kind, bsnid, id, values, operation=operation)


def child_id(half: str, table: Table, bsnid: str) -> str:
    """Return the id of the first use case or update of a new account.

    ``half`` is the first half of the ids of the form's operations. Sending the form again makes
    the same id, so a repeated step adds nothing. If the person goes back and enters another
    account, the id differs.
    """
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{half}{table.name}{bsnid}"))
