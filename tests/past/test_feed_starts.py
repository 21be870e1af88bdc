"""Change feeds that begin late: what is kept is shown and reverted, and the page says since when."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable

import pytest
from django.test import Client

from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import ddl
from crm.repository.records import accounts
from crm.repository.tables import change_feed
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

from ..conftest import LocalWarehouse, forget_everything
from ..local_warehouse.conftest import wait_until
from ..pages.html import HTMX, parsed
from .conftest import GetPage, confirm, edit, summaries

RETENTION = "delta.deletedFileRetentionDuration"
LOG_RETENTION = "delta.logRetentionDuration"


def alter(wh: Warehouse, what: str) -> None:
    wh.execute(f"ALTER TABLE {wh.namespace.table(ACCOUNTS)} {what}", repeatable=True)


def keep(wh: Warehouse, interval: str) -> None:
    alter(wh, f"SET TBLPROPERTIES ('{RETENTION}' = 'interval {interval}')")


def expire(wh: Warehouse, server: LocalWarehouse) -> None:
    """All versions are older than the retention; their files exist."""
    keep(wh, "2 seconds")
    time.sleep(2.1)


def lose_files(wh: Warehouse, server: LocalWarehouse) -> None:
    """VACUUM deleted files of versions that are younger than the retention."""
    edit(wh, "B1", team="In between")
    keep(wh, "0 seconds")
    wh.execute(f"VACUUM {wh.namespace.table(ACCOUNTS)}", repeatable=True)
    keep(wh, "30 days")


def clean_log(wh: Warehouse, server: LocalWarehouse) -> None:
    """The warehouse deleted the log's beginning, as it does once that is older than its
    retention."""
    alter(wh, f"SET TBLPROPERTIES ('{LOG_RETENTION}' = 'interval 0 seconds')")
    catalogs = json.loads((server.data / "catalog.json").read_text())["catalogs"]
    schema = catalogs[wh.namespace.catalog]["schemas"][wh.namespace.schema]
    log = server.data / "tables" / schema["tables"]["accounts"]["id"] / "_delta_log"
    # It tidies a table after every 16 commits, beside the statements.
    _commit(wh, 20)
    wait_until(lambda: min(int(entry.stem) for entry in log.glob("*.json")) > 0)


def _commit(wh: Warehouse, times: int) -> None:
    sql = f"UPDATE {wh.namespace.table(ACCOUNTS)} SET team = :team"
    for number in range(times):
        wh.execute(sql, {"team": f"Team {number}"}, repeatable=True)


def forbid_null(wh: Warehouse, server: LocalWarehouse) -> None:
    alter(wh, "ALTER COLUMN team COMMENT 'The name'")
    alter(wh, "ALTER COLUMN team SET NOT NULL")


CASES = [
    (expire, "DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION"),
    (lose_files, "FAILED_READ_FILE.DBR_FILE_NOT_EXIST"),
    (clean_log, "DELTA_LOG_FILE_NOT_FOUND"),
    (forbid_null, "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA"),
]
Lose = Callable[[Warehouse, LocalWarehouse], None]


@pytest.mark.parametrize(
    ("lose", "error_class"), CASES, ids=lambda each: getattr(each, "__name__", "")
)
def test_history_goes_on_after_its_beginning_was_lost(
    ana: Warehouse,
    server: LocalWarehouse,
    client: Client,
    get_page: GetPage,
    revert_link: Callable[..., str],
    lose: Lose,
    error_class: str,
) -> None:
    accounts.create(ana, {"bsnid": "B1", "team": "Lost"})
    time.sleep(0.05)
    lost = dt.datetime.now(dt.UTC)
    lose(ana, server)
    edit(ana, "B1", team="Kept")
    edit(ana, "B1", vp="Vera")
    with pytest.raises(StatementFailed) as refused:
        change_feed._probe(ana, {table.name: 0 for table in TABLES})
    assert refused.value.error_class == error_class

    for path in ("/activity/", "/accounts/B1/history/"):
        found = summaries(get_page(path))
        assert found[0] == "Changed VP of the account Kept"
        # The two seconds of the retention may be over: then only the latest version can be read.
        assert lose is expire or found[1] == "Changed Team of the account Kept"
        assert not any("Lost" in each for each in found), found
    assert reach(client) > lost
    forget_everything()  # as another process, which has not read the history
    assert reach(client) > lost

    if lose is not expire:  # else the version is too old by now
        assert confirm(client, revert_link("B1", field="vp")).status_code == 303
        assert not accounts.get(ana, "B1").vp
    accounts.delete(ana, "B1")
    assert client.post("/undo/accounts/B1/").status_code == 303
    assert accounts.get(ana, "B1").team == "Kept"


def reach(client: Client) -> dt.datetime:
    part = client.get("/activity/reach/", **HTMX)
    assert part.status_code == 200
    assert "complete since" in part.content.decode()
    return dt.datetime.fromisoformat(parsed(part).select_one("time")["datetime"])


def test_a_table_that_was_created_again(
    ana: Warehouse, server: LocalWarehouse, get_page: GetPage
) -> None:
    """Its feed begins at version 0 again, before the start that is remembered."""
    accounts.create(ana, {"bsnid": "B1", "team": "Before"})
    forbid_null(ana, server)
    edit(ana, "B1", team="Kept")
    assert len(summaries(get_page("/activity/"))) == 1
    ana.execute(f"DROP TABLE {ana.namespace.table(ACCOUNTS)}", repeatable=True)
    ana.execute(ddl.create_table(ACCOUNTS, ana.namespace), repeatable=True)
    accounts.create(ana, {"bsnid": "B1", "team": "Again"})
    assert summaries(get_page("/activity/")) == ["Created the account Again"]


def test_reading_fails_for_good(ana: Warehouse) -> None:
    """The app looks for the start of the feed several times, but not for ever."""
    tried: list[dict[str, int]] = []

    def refuse(found: dict[str, int]) -> None:
        tried.append(found)
        raise StatementFailed(error_class="DELTA_MISSING_CHANGE_DATA")

    with pytest.raises(StatementFailed):
        change_feed.read(ana, refuse)
    assert len(tried) == 3
