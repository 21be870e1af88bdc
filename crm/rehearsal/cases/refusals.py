"""Statements that the warehouse or the CRM must refuse, each with its error."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository import versions
from crm.repository.errors import AlreadyExists, NoSuchMoment, Stale
from crm.repository.records import accounts
from crm.repository.tables import change_feed, scratch
from crm.repository.tables.change_feed import Starts
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from .changes import KEY
from .stage import Case, Stage

AT_ONCE = 3
# After these seconds, versions are older than a retention of zero.
SECONDS = 1.1


def _outcome(run: Callable[[], object]) -> str:
    try:
        run()
    except (WarehouseError, AlreadyExists, Stale) as error:
        return type(error).__name__
    return "done"


def _refused(statement: Callable[[Warehouse], None]) -> Callable[[Stage], str]:
    return lambda stage: _outcome(lambda: statement(stage.wh))


def _at_once(run: Callable[[int], object]) -> list[str]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(pool.map(lambda n: _outcome(lambda: run(n)), range(AT_ONCE)))


def _key_at_once(stage: Stage) -> str:
    """Create the same account several times at the same moment: one attempt succeeds."""
    wh = stage.unobserved()
    outcomes = _at_once(lambda n: accounts.create(wh, {"bsnid": "SAME", "team": f"T{n}"}, f"f{n}"))
    found = accounts.get_detail(stage.wh, "SAME")
    return f"{outcomes}, rows {found.copies if found else 0}"


def _edit_at_once(stage: Stage) -> str:
    """Change the same field several times at the same moment: one attempt succeeds."""
    wh = stage.unobserved()
    account = accounts.get(wh, KEY)
    assert account
    seen = account.updated_at
    outcomes = _at_once(lambda n: accounts.update(wh, KEY, {"admin": f"A{n}"}, seen))
    return f"{outcomes}"


def _key_again(stage: Stage) -> str:
    values = {"bsnid": KEY, "team": "Another"}
    return _outcome(lambda: accounts.create(stage.wh, values, "another form"))


def _matched_twice(wh: Warehouse) -> None:
    scratch.insert_twice_matched(wh, KEY)


def _before_the_tables(stage: Stage) -> str:
    wh = stage.wh
    first = versions.load(wh).commits[ACCOUNTS][0].moment
    try:
        versions.as_of(wh, first - dt.timedelta(days=400))
    except NoSuchMoment as error:
        return type(error).__name__
    return "done"


def _beyond_retention(stage: Stage) -> str:
    """Read a feed from before the table's retention; the CRM then reads from a later start."""
    wh = stage.wh
    scratch.forget_history(wh, UPDATES)
    time.sleep(SECONDS)
    raw = _outcome(lambda: scratch.count_changes(wh, UPDATES, 0))

    def read(starts: Starts) -> int:
        scratch.count_changes(wh, UPDATES, starts[UPDATES.name])
        return starts[UPDATES.name]

    try:
        start = change_feed.read(wh, read)
    except WarehouseError as error:
        return f"{raw}, the CRM: {type(error).__name__}"
    return f"{raw}, the CRM reads later versions: {start > 0}"


CASES = (
    Case("the same key at once", _key_at_once),
    Case("the same field at once", _edit_at_once),
    Case("a key that is taken", _key_again),
    Case("no such table", _refused(scratch.read_missing_table)),
    Case("no such column", _refused(scratch.read_missing_column)),
    Case("no such version", _refused(scratch.read_missing_version)),
    Case("a row without its key", _refused(scratch.insert_null_key)),
    Case("several rows for one in a MERGE", _refused(_matched_twice)),
    Case("no right", _refused(scratch.write_where_nobody_may)),
    Case("before the tables", _before_the_tables),
    Case("beyond what is kept", _beyond_retention),
)
