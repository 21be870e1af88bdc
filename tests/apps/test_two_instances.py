"""Two instances of the app, each with a disk of its own, and an import that one of them has."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.repository.records import accounts
from crm.warehouse import Warehouse
from tests.patience import seconds

from ..conftest import LocalWarehouse
from ..schemas import EMPTY, Schemas
from .conftest import AppsProxy, Gunicorn, Visitor

ALICE = "alice@example.com"
NOTHING = "No row that you see in the tables is from an import of yours"


@pytest.fixture
def shared(schemas: Schemas) -> Iterator[Warehouse]:
    with schemas.lend(EMPTY) as namespace:
        warehouse = schemas.open(namespace)
        for what in (
            f"USE CATALOG ON CATALOG {namespace.quoted_catalog}",
            f"USE SCHEMA, SELECT, EXECUTE, MODIFY ON SCHEMA {namespace.quoted_schema}",
        ):
            warehouse.execute(f"GRANT {what} TO `{ALICE}`", repeatable=True)
        yield warehouse


def until(visitor: Visitor, url: str, words: str) -> None:
    deadline = time.monotonic() + seconds(30)
    while words not in (page := visitor.get(url).text):
        assert time.monotonic() < deadline, page
        time.sleep(0.2)


def test_the_other_instance_says_only_what_the_tables_show(
    shared: Warehouse, start_gunicorn, local_warehouse: LocalWarehouse, tmp_path: Path
) -> None:
    proxies = []
    apps: list[Gunicorn] = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        secret = {"DJANGO_SECRET_KEY": "x" * 60, "EDIP_ADMINS": ALICE, "EDIP_EDITORS": ALICE}
        apps.append(start_gunicorn(shared.namespace, TMPDIR=str(tmp_path / name), **secret))
        proxies.append(AppsProxy(apps[-1].port, local_warehouse, ALICE))
    one, other = (Visitor(proxy) for proxy in proxies)
    file = {"file": ("accounts.csv", b"bsnid,team,business_area\nB1,Claims,Finance\n")}
    url = one.post("/admin-tools/import/", {"on_conflict": "skip"}, files=file).headers["Location"]
    until(one, url, "Import 1 row")
    assert "One instance of the app keeps this import" in one.pages[-1][2]

    # A button that the other instance gets does nothing, and can be pressed again.
    answer = other.post(url, {"do": "import"})
    assert (answer.status_code, NOTHING in answer.text) == (404, True)
    assert accounts.get(shared, "B1") is None
    seen = re.search(r'name="previewed" value="(\w+)"', one.get(url).text)
    fields = {"do": "import", "previewed": seen[1]}  # type: ignore[index]  # the page has it
    assert one.post(url, fields).status_code == 303
    until(one, url, "Imported, and verified")
    answer = other.get(url)
    assert (answer.status_code, NOTHING in answer.text) == (404, False)
    assert "1 row is in the tables as the import wrote it. It has ended" in answer.text

    # An instance that goes away takes an import along that was never written.
    file = {"file": ("accounts.csv", b"bsnid,team,business_area\nB2,Fraud,Finance\n")}
    url = one.post("/admin-tools/import/", {"on_conflict": "skip"}, files=file).headers["Location"]
    until(one, url, "Import 1 row")
    apps[0].stop()
    assert NOTHING in other.get(url).text
    for proxy in proxies:
        proxy.stop()
