"""A bulk change: its preview, and the operation that writes it.

The preview reads the selected rows with their versions. The operation runs one statement, which
skips rows that have changed since, and writes one note. Both are safe to repeat with the same
operation.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm.model.namespace import quoted
from crm.model.schema import Table
from crm.repository import _sql
from crm.repository._sql import Row
from crm.repository.operations import Operation
from crm.repository.steps import NOTHING, Earlier, Step, run_steps
from crm.warehouse import Warehouse

from . import inserted
from .actions import Action, Previewed
from .delete_action import children_of
from .outcome import LeftAlone, Outcome
from .selection import Planned, Selection, load, name_of
from .written import count_written

# The planned keys for which no row is as the operation wrote it.
_LEFT = """
SELECT g.key, MAX({name}) AS name, COUNT(a.{key}) AS found
FROM (SELECT EXPLODE({keys}) AS key) AS g
LEFT ANTI JOIN (
  SELECT {written} AS key FROM {table} WHERE change_id = :change_id
) AS w ON w.key = g.key
LEFT JOIN {of} AS a ON a.{key} = g.key
GROUP BY g.key ORDER BY g.key
"""


@dataclass(frozen=True)
class Preview:
    """The effect of a bulk change.

    :param changes: the rows to change; ``same`` are the rows that already have the value.
    :param hidden: rows that cannot be changed because a row filter hides data from the person.
    :param missing: selected keys for which the person sees no row.
    :param children: the number of the accounts' children to delete, by table.
    :param moment: when the rows were read; None if there are none.
    """

    changes: tuple[Planned, ...]
    same: tuple[Planned, ...] = ()
    hidden: tuple[Planned, ...] = ()
    missing: tuple[str, ...] = ()
    children: Mapping[Table, int] = field(default_factory=dict)
    moment: dt.datetime | None = None


def preview(wh: Warehouse, selection: Selection, action: Previewed) -> Preview:
    """Return the effect of the action on the selected rows.

    One statement; one more with the app's rights, if it has any, for rows that would be new.
    Raises TooMany.
    """
    columns, join, params = action.reads(wh)
    found = load(wh, selection, columns, join, params)
    planned = [(_planned(row), action.is_done(row)) for row in found.rows]
    changes = [each for each, is_done in planned if not is_done]
    hidden = action.hidden(wh, changes)
    deleted = [row for row in found.rows if row["key"] not in hidden]
    return Preview(
        changes=tuple(each for each in changes if each.key not in hidden),
        same=tuple(each for each, is_done in planned if is_done),
        hidden=tuple(each for each in changes if each.key in hidden),
        missing=tuple(sorted(set(selection.keys) - {each.key for each, _ in planned})),
        children=children_of(deleted),
        moment=found.moment,
    )


def write(
    wh: Warehouse,
    operation: Operation,
    action: Action,
    rows: Sequence[Planned],
    earlier: Earlier = NOTHING,
) -> Outcome:
    """Change the planned rows, except for rows that changed since the preview.

    One statement; one more for new rows, one for hidden rows as in ``preview``, and one if the
    number of written rows differs from the plan, several rows have one key, or an ``earlier``
    attempt wrote them; up to five more if some seem to be left alone. Safe to repeat. Raises
    WarehouseError, and HalfDone if the rows were changed but the check afterwards failed.
    """
    outcome, counted = Outcome(len(rows)), 0

    def change() -> int:
        nonlocal counted
        hidden = action.hidden(wh, rows)
        counted = action.write(wh, operation, [row for row in rows if row.key not in hidden])
        return counted

    def check() -> int:
        nonlocal outcome
        taken = inserted.take_back(wh, operation, action.table) if action.inserts else 0
        # If several rows have one key, the number of rows is not the number of changed keys.
        if counted != len(rows) or taken or any(row.has_copies for row in rows):
            left = _left_alone(wh, operation, action, rows)
            outcome = Outcome(len(rows) - len(left), left)
        return 0

    steps = [Step(action.step, change), Step("Check what others changed meanwhile", check)]
    run_steps(wh, operation, steps, done=earlier.done)
    return outcome


def _planned(row: Row) -> Planned:
    return Planned(
        key=row["key"],
        name=row["name"] or row["key"],
        old=row["old"],
        seen=row["old_version"] if "old_version" in row else row["version"],
        is_new=bool(row.get("is_new")),
        has_copies=row["copies"] > 1,
        account=row["account"] or "",
    )


def _left_alone(
    wh: Warehouse, operation: Operation, action: Action, rows: Sequence[Planned]
) -> tuple[LeftAlone, ...]:
    keys, bound = _sql.text_array("keys", [row.key for row in rows])
    home, of, table = wh.namespace, action.of, action.table
    parts = {"keys": keys, "name": name_of(of, "a"), "key": quoted(of.key), "of": home.table(of)}
    column = table.key if table is of else table.owner
    parts |= {"table": home.table(table), "written": quoted(column)}
    left = wh.query(_sql.render(home, _LEFT, **parts), {**bound, "change_id": operation.id})
    # Of these, somebody else may have changed some after the operation had written them.
    written = count_written(wh, operation, table, column) if left else {}
    return tuple(
        LeftAlone(row["key"], row["name"] or row["key"], not row["found"])
        for row in left
        if row["key"] not in written
    )
