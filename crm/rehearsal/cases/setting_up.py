"""Set-up, migration from the oldest tables, and reads of the tables' description."""

from __future__ import annotations

from crm import sample_data
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import TABLES
from crm.repository import atomic, ddl
from crm.repository.tables import (
    grants,
    inspection,
    migrations,
    privileges,
    readiness,
    scratch,
    set_up,
)
from crm.repository.transfer.insert_missing import insert_missing

from .stage import Case, Stage, today

HISTORY_DAYS = 30


def _set_up(stage: Stage) -> str:
    done = list(set_up.run(set_up.plan(stage.wh, HISTORY_DAYS)))
    if failed := [each.part.name for each in done if each.problem]:
        return f"{len(failed)} parts failed"
    left = set_up.plan(stage.wh, HISTORY_DAYS)
    return f"done, {len(left)} parts left"


def _describe(stage: Stage) -> str:
    wh = stage.wh
    existing = inspection.existing(wh)
    columns = inspection.columns(wh)
    state = migrations.read_schema_state(wh)
    names = {(table.name in columns) for table in ALL_TABLES}
    keys = sum(map(len, state.keys.values()))
    return f"{len(existing)} objects, all tables: {all(names)}, {keys} keys"


def _rights(stage: Stage) -> str:
    wh = stage.wh
    for table in TABLES:
        inspection.read_nothing(wh, table)
        inspection.change_nothing(wh, table)
    masked, filtered = privileges.masked_columns(wh), privileges.filtered_tables(wh)
    return f"may write: {privileges.may_write(wh)}, {len(masked)} masks, {len(filtered)} filters"


def _grant(stage: Stage) -> str:
    """Grant rights to the present user, who already has them."""
    me = privileges.current_user(stage.wh)
    statements = grants.statements(grants.EDITOR, stage.namespace, me)
    for sql in statements[2:]:  # of the tables; the catalog is not ours
        scratch.execute(stage.wh, sql)
    return f"{len(statements) - 2} granted"


def _ready(stage: Stage) -> str:
    found = readiness.check(stage.wh)
    return f"{'ready' if found.is_ready else 'not ready'} {found.text}".strip()


def _transactions(stage: Stage) -> str:
    """Check that without the table feature operations run step by step."""
    return "none" if atomic.probe(stage.wh) else "possible"


def _migrate(stage: Stage) -> str:
    wh = stage.old
    for table in TABLES:
        scratch.create_first_version(wh, table)
    scratch.insert_first_version(wh)
    steps = [step.number for step in migrations.run(wh, ddl.VERSION, HISTORY_DAYS)]
    left = migrations.plan(wh, ddl.VERSION, HISTORY_DAYS)
    return f"steps {steps}, {len(left)} left"


def _sample(stage: Stage) -> str:
    counts = [
        insert_missing(stage.wh, table, rows) for table, rows in sample_data.rows(today()).items()
    ]
    return f"rows {counts}"


CASES = (
    Case("set-up", _set_up, is_needed=True),
    Case("description of the tables", _describe),
    Case("rights", _rights),
    Case("grants", _grant),
    Case("readiness", _ready),
    Case("transactions", _transactions, is_optional=True),
    Case("migration of the oldest tables", _migrate),
    Case("sample data", _sample, is_needed=True),
)
