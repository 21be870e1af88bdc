"""Data sets of the benches: created once in a folder by SQL, and reused by later runs.

Each account has a status for each platform, three use cases and ten updates. The tables are then
tended, as by ``manage.py maintain`` every week, so their files are clustered. Edits in 20 commits
change a percent of the rows each.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ._setup import PERSON, Control, application

if TYPE_CHECKING:
    from crm.model.schema import Table
    from crm.warehouse import Warehouse

FOLDER = Path(__file__).resolve().parent.parent / ".local" / "bench"
USE_CASES, UPDATES = 3, 10
EDITS = 20
# Words of about the length that people write.
_TEXT = "concat('Progress report ', id, ': ', repeat('the team met and agreed on the plan; ', 3))"
_STAMPS = """CURRENT_TIMESTAMP() AS created_at, CURRENT_TIMESTAMP() AS updated_at,
  :actor AS created_by, :actor AS updated_by, CAST(:change_id AS STRING) AS change_id"""


def key(number: int) -> str:
    """Return the BSNID of an account; they count from 0."""
    return f"B{number:06d}"


@contextmanager
def data_set(accounts: int) -> Iterator[tuple[Control, dt.datetime]]:
    """Yield the control endpoint of an application with so many accounts, and the moment between
    their loading and the edits. The first time, the data are made."""
    folder = FOLDER / f"{accounts}-{fingerprint()}"
    folder.mkdir(parents=True, exist_ok=True)
    with application(folder) as (_, control):
        note = folder / "bench.json"
        if not note.exists():
            moment = _make(control, accounts)
            note.write_text(json.dumps(moment.isoformat()))
        yield control, dt.datetime.fromisoformat(json.loads(note.read_text()))


def fingerprint() -> str:
    """Return a digest of this module and of the tables; data sets with another one are not
    reused."""
    schema = FOLDER.parent.parent / "crm" / "model" / "schema.py"
    content = Path(__file__).read_bytes() + schema.read_bytes()
    return hashlib.sha256(content).hexdigest()[:8]


def _make(control: Control, accounts: int) -> dt.datetime:
    from crm.identity.warehouses import for_person
    from crm.repository import versions
    from crm.repository.tables import upkeep

    warehouse = for_person(PERSON).for_bulk()
    load(warehouse, accounts)
    for tended in upkeep.tend(warehouse):
        assert not tended.problem, tended.problem
    commits = versions.load(warehouse).commits.values()
    moment = max(each[-1].moment for each in commits)
    # Moments are shown to the second: the edits begin in a later one.
    time.sleep(1.5)
    for number in range(EDITS):
        edit_one_percent(warehouse, number)
    read_feeds(warehouse)
    control.wait_until_idle()
    # Pages read the versions of a moment again that is as recent as this.
    time.sleep(versions.CLOCKS_DIFFER.total_seconds())
    return moment


def read_feeds(warehouse: Warehouse) -> None:
    """Let the local warehouse write the change files, which Databricks writes at each commit."""
    from crm.model.schema import TABLES

    for table in TABLES:
        feed = warehouse.namespace.change_feed(table, 0)
        warehouse.within(None).query(f"SELECT COUNT(*) AS n FROM {feed}")


def load(warehouse: Warehouse, accounts: int) -> None:
    """Insert the accounts and their children, each table in one statement."""
    from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS
    from crm.model.schema import UPDATES as UPDATES_TABLE
    from crm.model.schema import USE_CASES as USE_CASES_TABLE
    from crm.repository import operations
    from crm.repository.steps import noted

    operation = operations.new(warehouse, operations.LOAD)
    with noted(warehouse, operation, lambda: "loaded the data of a bench"):
        for table, rows, values in (
            (ACCOUNTS, accounts, _account()),
            (PLATFORMS_STATUS, accounts * 3, _status()),
            (USE_CASES_TABLE, accounts * USE_CASES, _use_case()),
            (UPDATES_TABLE, accounts * UPDATES, _update()),
        ):
            names = ", ".join(f"`{name}`" for name in values)
            columns = ", ".join(f"{value} AS `{name}`" for name, value in values.items())
            sql = f"""
            INSERT INTO {warehouse.namespace.table(table)}
              ({names}, created_at, updated_at, created_by, updated_by, change_id)
            SELECT {columns}, {_STAMPS} FROM RANGE({rows})
            """
            operations.run(warehouse, operation, sql, {}, repeatable=False)


def _pick(words: tuple[str, ...] | list[str], seed: int) -> str:
    """Return SQL of one of the words, which depends on the row's number only."""
    listed = ", ".join(f"'{word}'" for word in words)
    return (
        f"ELEMENT_AT(ARRAY({listed}), CAST(PMOD(XXHASH64(id, {seed}), {len(words)}) AS INT) + 1)"
    )


def _people(kind: str, number: int) -> list[str]:
    return [f"{kind} {n}" for n in range(number)]


def _account() -> dict[str, str]:
    return {
        "bsnid": _account_key("id"),
        "team": "CONCAT('Team ', id)",
        "business_area": _pick(_people("Area", 12), 1),
        "vp": _pick(_people("VP", 30), 2),
        "admin": _pick(_people("Admin", 60), 3),
        "primary_it_partner": _pick(_people("Partner", 20), 4),
        "azure_devops_link": "CONCAT('https://dev.example.com/team-', id)",
    }


def _account_key(number: str) -> str:
    return f"CONCAT('B', LPAD(CAST({number} AS STRING), 6, '0'))"


def _child(table: str, each: int) -> dict[str, str]:
    account = _account_key(f"CAST(FLOOR(id / {each}) AS BIGINT)")
    return {"id": f"MD5(CONCAT('{table} ', id))", "account_bsnid": account}


def _status() -> dict[str, str]:
    from crm.model import vocabulary

    listed = ", ".join(f"'{name}'" for name in vocabulary.PLATFORMS)
    return _child("platforms_status", 3) | {
        "platform": f"ELEMENT_AT(ARRAY({listed}), CAST(PMOD(id, 3) AS INT) + 1)",
        "status": _pick(vocabulary.ONBOARDING_STATUSES, 5),
    }


def _use_case() -> dict[str, str]:
    from crm.model import vocabulary

    return _child("use_cases", USE_CASES) | {
        "problem": "CONCAT('Problem ', id, ' of the team, in a sentence or two')",
        "solution": "CONCAT('Solution ', id)",
        "leader": _pick(_people("Leader", 80), 6),
        "status": _pick(vocabulary.USE_CASE_STATUSES, 7),
        "enablement_tier": _pick(vocabulary.ENABLEMENT_TIERS, 8),
        "platform": _pick(vocabulary.PLATFORMS, 9),
    }


def _update() -> dict[str, str]:
    from crm.model import vocabulary

    return _child("updates", UPDATES) | {
        "author": _pick(_people("Author", 40), 10),
        "date": "DATE_SUB(CURRENT_DATE(), CAST(PMOD(XXHASH64(id, 11), 365) AS INT))",
        "platform": _pick(vocabulary.PLATFORMS, 12),
        "description": _TEXT,
    }


def edit_one_percent(warehouse: Warehouse, number: int) -> None:
    """Change every hundredth row of one table in one commit."""
    from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
    from crm.repository import operations

    choices: tuple[tuple[Table, str], ...] = (
        (ACCOUNTS, "vp"),
        (ACCOUNTS, "admin"),
        (USE_CASES, "leader"),
        (UPDATES, "author"),
    )
    table, column = choices[number % len(choices)]
    sql = f"""
    UPDATE {warehouse.namespace.table(table)}
    SET `{column}` = CONCAT('Changed ', :number), updated_at = CURRENT_TIMESTAMP(),
      updated_by = :actor, change_id = :change_id
    WHERE PMOD(XXHASH64(`{table.key}`), 100) = CAST(:number AS INT)
    """
    operation = operations.new(warehouse, operations.EDIT)
    operations.run(warehouse, operation, sql, {"number": number}, repeatable=False)
