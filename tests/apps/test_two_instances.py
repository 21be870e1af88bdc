"""Two instances of the app, each with a disk and a clock of its own, behind one proxy.

The clocks differ from the warehouse's by ten minutes, one to each side.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from crm.repository.records import accounts
from crm.warehouse import Warehouse
from tests.patience import next_second, seconds

from ..conftest import LocalWarehouse
from ..pages.html import filled_in, parsed, text
from ..schemas import EMPTY, Schemas
from .conftest import AppsProxy, Gunicorn, Visitor

ALICE = "alice@example.com"
NOTHING = "No row that you see in the tables is from an import of yours"
SHIFT = 600


class Proxy(AppsProxy):
    """Hands out tokens that say when they end."""

    def claims(self) -> str:
        claims = json.dumps({"sub": self.user, "exp": int(time.time() + SHIFT - 60)})
        return base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")


@dataclass
class Instances:
    shared: Warehouse
    apps: list[Gunicorn]
    proxies: list[AppsProxy]


class Alternating(Visitor):
    """A browser whose requests go to one instance after the other."""

    def __init__(self, instances: Instances) -> None:
        super().__init__(instances.proxies[0])
        self._next = itertools.cycle(instances.proxies)

    def get(self, path: str, **headers: str) -> requests.Response:
        self.proxy = next(self._next)
        return super().get(path, **headers)

    def post(self, path: str, *arguments, **headers) -> requests.Response:
        self.proxy = next(self._next)
        return super().post(path, *arguments, **headers)

    def send(self, page: str, form: str, **fields: str) -> requests.Response:
        """Fill in a form of the page that one instance shows, and send it to the other."""
        found = parsed(self.get(page)).select_one(form)
        return self.post(found["action"], filled_in(found) | fields)


@pytest.fixture(scope="module")
def instances(
    schemas: Schemas, start_gunicorn, local_warehouse: LocalWarehouse, tmp_path_factory
) -> Iterator[Instances]:
    settings = {"DJANGO_SECRET_KEY": "x" * 60, "EDIP_ADMINS": ALICE, "EDIP_LIVE_SECONDS": "0.1"}
    with schemas.lend(EMPTY) as namespace:
        warehouse = schemas.open(namespace)
        for what in (
            f"USE CATALOG ON CATALOG {namespace.quoted_catalog}",
            f"USE SCHEMA, SELECT, EXECUTE, MODIFY ON SCHEMA {namespace.quoted_schema}",
        ):
            warehouse.execute(f"GRANT {what} TO `{ALICE}`", repeatable=True)
        apps = [
            start_gunicorn(
                namespace, shift, TMPDIR=str(tmp_path_factory.mktemp("instance")), **settings
            )
            for shift in (SHIFT, -SHIFT)
        ]
        proxies = [Proxy(app.port, local_warehouse, ALICE) for app in apps]
        proxies[1].token = proxies[0].token  # it is one proxy: a person has one token
        yield Instances(warehouse, apps, proxies)
        for proxy in proxies:
            proxy.stop()


def until(visitor: Visitor, url: str, words: str) -> None:
    deadline = time.monotonic() + seconds(30)
    while words not in (page := visitor.get(url).text):
        assert time.monotonic() < deadline, page
        time.sleep(0.2)


def test_what_one_instance_does_is_true_on_the_other(instances: Instances) -> None:
    wh, alice = instances.shared, Alternating(instances)
    # The session, preferences and forms: one instance shows a form, the other accepts it.
    assert alice.send("/accounts/", "form.theme", theme="dark").status_code == 303
    assert parsed(alice.get("/accounts/")).html["data-theme"] == "dark"
    fields = {"bsnid": "B1", "team": "Claims", "business_area": "Finance"}
    assert alice.send("/accounts/new/", "main form", **fields).status_code == 303
    assert [each.team for each in [accounts.get(wh, "B1")] if each] == ["Claims"]

    # The next poll of the other instance shows a save, whichever instance issued the cursor.
    cursors = [alice.get("/live/").json()["cursor"] for _ in instances.apps]
    created = next_second()
    assert alice.send("/accounts/B1/edit/", "main form", team="Claims II").status_code == 303
    for cursor in cursors * 2:
        until(alice, f"/live/?cursor={cursor}", "You changed the account")

    # The past: neither instance treats this moment as the future, and both have everything before
    # it.
    for _ in instances.apps:
        moment = f"/as-of/{created:%Y-%m-%dT%H:%M:%SZ}"
        page = parsed(alice.get(f"{moment}/accounts/B1/"))
        assert text(page, "main h1") == "Claims", page
    assert alice.send("/accounts/B1/edit/", "main form", team="Claims III").status_code == 303
    now = next_second()
    for _ in instances.apps:
        page = parsed(alice.get(f"/as-of/{now:%Y-%m-%dT%H:%M:%SZ}/accounts/B1/"))
        assert text(page, "main h1") == "Claims III", page
    later = now + dt.timedelta(seconds=SHIFT / 2)
    for _ in instances.apps:
        assert "in the future" in alice.get(f"/as-of/{later:%Y-%m-%dT%H:%M:%SZ}/").text

    # One deletes, the other offers to undo it, and the first does.
    assert alice.send("/accounts/B1/delete/", "main form").status_code == 303
    assert alice.send("/accounts/", "form[action^='/undo/']").status_code == 303
    assert [each.team for each in [accounts.get(wh, "B1")] if each] == ["Claims III"]


def test_the_other_instance_says_only_what_the_tables_show(instances: Instances) -> None:
    shared, apps, proxies = instances.shared, instances.apps, instances.proxies
    one, other = (Visitor(proxy) for proxy in proxies)
    file = {"file": ("accounts.csv", b"bsnid,team,business_area\nB5,Claims,Finance\n")}
    url = one.post("/admin-tools/import/", {"on_conflict": "skip"}, files=file).headers["Location"]
    until(one, url, "Import 1 row")
    assert "One instance of the app keeps this import" in one.pages[-1][2]

    # A button that the other instance gets does nothing, and can be pressed again.
    answer = other.post(url, {"do": "import"})
    assert (answer.status_code, NOTHING in answer.text) == (404, True)
    assert accounts.get(shared, "B5") is None
    seen = re.search(r'name="previewed" value="(\w+)"', one.get(url).text)
    fields = {"do": "import", "previewed": seen[1]}  # type: ignore[index]  # the page has it
    assert one.post(url, fields).status_code == 303
    until(one, url, "Imported, and verified")
    answer = other.get(url)
    assert (answer.status_code, NOTHING in answer.text) == (404, False)
    assert "1 row is in the tables as the import wrote it. It has ended" in answer.text

    # If an instance disappears, so does an import that was not yet written.
    file = {"file": ("accounts.csv", b"bsnid,team,business_area\nB2,Fraud,Finance\n")}
    url = one.post("/admin-tools/import/", {"on_conflict": "skip"}, files=file).headers["Location"]
    until(one, url, "Import 1 row")
    apps[0].stop()
    assert NOTHING in other.get(url).text
