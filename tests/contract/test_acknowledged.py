"""Several people write at once, through several processes of the app: the history has exactly the
operations that the app acknowledged."""

from __future__ import annotations

import logging
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from crm.model.changes import CREATED, Change, values_of
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository.past import history
from crm.repository.past.history import Wanted
from crm.repository.transfer import read_all
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..deployment.conftest import start, token_sign_in  # noqa: F401
from ..faults.browser import Browser
from ..schemas import ACTOR
from ..sign_in.conftest import Browser as Visitor
from ..sign_in.conftest import in_apps  # noqa: F401
from ..sizes import IS_SOAK, size, soak
from .writers import Operation, Row, Writer, row, row_of

log = logging.getLogger(__name__)
PROCESSES = size(2, 8)
ROUNDS = size(1, 20)
SHARED = ["S-1", "S-2", "S-3"]


def round_of(number: int, chance: random.Random) -> list[str]:
    """Return the ten writes of a round; undoing an operation is another one."""
    singles = ["edit", "edit", "status", "status", "add_update", "add_use_case", "delete_update"]
    several = ["import_and_undo", "delete_and_undo", "delete", "delete_and_undo"][number % 4]
    return ["create", *chance.sample(singles, len(singles)), several]


@pytest.fixture
def browsers(request: pytest.FixtureRequest, in_apps: Any) -> dict[str, Browser]:  # noqa: F811
    """Return each person's browser: of the app's processes or, in the small size, of this one."""
    people = [f"p{n}@example.com" for n in range(PROCESSES)]
    if not IS_SOAK:
        in_apps.EDIP_WRITES_PER_MINUTE = 0
        return {person: Visitor(person) for person in people}
    variables = {"GUNICORN_CMD_ARGS": f"--workers {PROCESSES}", "EDIP_WRITES_PER_MINUTE": "0"}
    variables["EDIP_ADMINS"] = ",".join(people)
    sign_in = request.getfixturevalue("token_sign_in")
    app = request.getfixturevalue("start")(**sign_in | variables)
    return {person: Browser(app, person) for person in people}


@soak
@pytest.mark.timeout(5400)
def test_the_history_is_what_was_acknowledged(
    browsers: dict[str, Browser], warehouse: Warehouse
) -> None:
    planted = {"team": "T", "business_area": "Finance"}
    insert_missing(warehouse, ACCOUNTS, [{"bsnid": key, **planted} for key in SHARED])
    writers = [
        Writer(browser, person, SHARED, random.Random(person))
        for person, browser in browsers.items()
    ]

    def write(which: int) -> None:
        for number in range(ROUNDS):
            writers[which].write(round_of(which + number, writers[which].chance))

    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(write, range(PROCESSES)))
    rows = frozenset(row(("accounts", key), CREATED, planted) for key in SHARED)
    acknowledged = [Operation(ACTOR, rows), *(each for writer in writers for each in writer.log)]
    refused: Counter[str] = sum((writer.refused for writer in writers), Counter())
    log.info("%d operations were acknowledged; %s", len(acknowledged), dict(refused))
    changes = list(everything(warehouse))
    assert {change.outside for change in changes} == {False}
    require_equal(operations_of(changes), acknowledged)
    require_chains(changes, warehouse)


def everything(wh: Warehouse) -> Iterator[Change]:
    """Return the changes of the activity page, the latest first."""
    wanted = Wanted(size=1_000)
    while True:
        found = history.load(wh, wanted)
        yield from found.changes
        if found.page >= found.last:
            return
        wanted = replace(wanted, page=found.page + 1)


def operations_of(changes: list[Change]) -> list[Operation]:
    by_id = defaultdict(list)
    for change in changes:
        by_id[change.operation].append(change)
    assert "" not in by_id
    found = []
    for several in by_id.values():
        (person, summary), *others = {(each.person, each.summary) for each in several}
        assert not others
        found.append(Operation(person, frozenset(map(row_of, several)), summary))
        assert len(found[-1].rows) == len(several)
    return found


def require_equal(found: list[Operation], acknowledged: list[Operation]) -> None:
    """Compare people, rows with their values, and the beginning of the summary."""
    left: dict[tuple[str, frozenset[Row]], list[str]] = defaultdict(list)
    for each in found:
        left[each.person, each.rows].append(each.summary)
    missing = []
    for operation in acknowledged:
        summaries = left[operation.person, operation.rows]
        equal = [text for text in summaries if text.startswith(operation.summary)]
        if not equal or (equal[0] and not operation.summary):
            missing.append(operation)
        else:
            summaries.remove(equal[0])
    assert (missing, {key: texts for key, texts in left.items() if texts}) == ([], {})


def require_chains(changes: list[Change], wh: Warehouse) -> None:
    """Each change of a record begins with the values that the one before left, and the last one
    left the stored values: nobody overwrote values that they had not seen."""
    now = {
        (table.name, row[table.key]): values_of(table, row)
        for table in TABLES
        for row in read_all.rows(wh, table)
    }
    for change in changes:
        key = (change.table.name, change.key)
        assert now.get(key) == change.after, change
        now[key] = change.before
    assert [key for key, values in now.items() if values] == []
