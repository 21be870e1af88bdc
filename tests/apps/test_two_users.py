"""Two people with different rights at once: each sees and does only what they may.

All tests share the app and its tables. No test changes what another one looks at.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from bs4 import BeautifulSoup

from crm.model.schema import TABLES
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.warehouse import Warehouse
from tests.patience import seconds

from ..conftest import LocalWarehouse
from ..schemas import EMPTY, Schemas
from ..sizes import IS_SOAK, size, soak
from .conftest import AppsProxy, Gunicorn, Visitor
from .paths import forms_of, pages_of, past_of

ALICE, BOB = "alice@example.com", "bob@example.com"
# Words in every table that only this person may see.
SECRETS = {ALICE: "alphasecret", BOB: "betasecret"}
ACCOUNT = {ALICE: "A-1", BOB: "B-1"}
# The headers of a request for a whole page, and for the part of it that htmx replaces.
WHOLE: dict[str, str] = {}
BY_HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def shared(schemas: Schemas) -> Iterator[Warehouse]:
    """Each has an account; a row filter shows it to nobody else. Alice may change hers, Bob may
    only look."""
    with schemas.lend(EMPTY) as namespace:
        warehouse = schemas.open(namespace)
        _fill(warehouse)
        _restrict(warehouse)
        yield warehouse


def _fill(warehouse: Warehouse) -> None:
    for user, word in SECRETS.items():
        bsnid = ACCOUNT[user]
        values = {"bsnid": bsnid, "team": f"{word} team", "business_area": f"{word} area"}
        accounts.create(warehouse, {**values, "vp": f"{word} vp"})
        platforms.set_status(warehouse, bsnid, "Databricks", "Requested", None)
        use_cases.create(
            warehouse, bsnid, f"case-{bsnid}", {"problem": f"{word} problem", "status": "Active"}
        )
        updates.create(
            warehouse,
            bsnid,
            f"update-{bsnid}",
            {"author": f"{word} author", "date": dt.date.today(), "description": f"{word} text"},
        )


def _restrict(wh: Warehouse) -> None:
    where = wh.namespace
    visible = f"{where.quoted_schema}.`visible`"
    statements = [
        f"CREATE FUNCTION {visible}(bsnid STRING) RETURNS BOOLEAN RETURN "
        f"CASE current_user() WHEN '{ALICE}' THEN startswith(bsnid, 'A-') "
        f"WHEN '{BOB}' THEN startswith(bsnid, 'B-') ELSE true END"
    ]
    for table in TABLES:
        key = table.parent_key or table.key
        statements.append(f"ALTER TABLE {where.table(table)} SET ROW FILTER {visible} ON ({key})")
    for user in (ALICE, BOB):
        statements += [
            f"GRANT USE CATALOG ON CATALOG {where.quoted_catalog} TO `{user}`",
            f"GRANT USE SCHEMA, SELECT, EXECUTE ON SCHEMA {where.quoted_schema} TO `{user}`",
        ]
    statements.append(f"GRANT MODIFY ON SCHEMA {where.quoted_schema} TO `{ALICE}`")
    for statement in statements:
        wh.execute(statement, repeatable=True)


@pytest.fixture(scope="module")
def app(shared: Warehouse, start_gunicorn) -> Gunicorn:
    return start_gunicorn(shared.namespace)


@pytest.fixture(scope="module")
def proxies(app: Gunicorn, local_warehouse: LocalWarehouse) -> Iterator[dict[str, AppsProxy]]:
    proxies = {user: AppsProxy(app.port, local_warehouse, user) for user in (ALICE, BOB)}
    yield proxies
    for proxy in proxies.values():
        proxy.stop()


def pages_with_secret(visitor: Visitor, word: str) -> list[str]:
    """Return the pages that contain the word, except in the visitor's own query."""
    return [
        what
        for what, _, text in visitor.pages
        if re.search(rf"{word} (team|area|vp|problem|author|text)", text) and word not in what
    ] + [
        what
        for what, _, text in visitor.pages
        if word in what and re.search(rf"{word} (team|vp|problem|text)", text)
    ]


@soak
def test_nobody_sees_rows_hidden_from_them(
    app: Gunicorn, proxies: dict[str, AppsProxy], shared: Warehouse
) -> None:
    """One starts with the pages of Alice's account, the other with those of Bob's account, so that
    a page could show what the app has just read for the other person. Each page is requested whole
    and as a part for htmx: in `make soak` for both accounts, otherwise one of the two for each."""
    visitors = {user: Visitor(proxy) for user, proxy in proxies.items()}

    def walk(user: str) -> None:
        visitor = visitors[user]
        for owner in sorted(SECRETS, reverse=user == BOB) * size(1, 2):
            for number, path in enumerate(pages_of(SECRETS[owner], ACCOUNT[owner])):
                mine = owner == user or ACCOUNT[owner] not in path
                one = [WHOLE, BY_HTMX][(number + (owner == BOB)) % 2]
                for headers in [WHOLE, BY_HTMX] if IS_SOAK else [one]:
                    status = visitor.get(path, **headers).status_code
                    assert status < 500, (user, path, status)
                    if path != "/nowhere/" and mine and user == ALICE:
                        assert status == 200, (user, path, status)
            for path in past_of(ACCOUNT[owner]):
                assert visitor.get(path).status_code in (204, 403, 404, 410, 501), (user, path)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(walk, visitors))
    assert SECRETS[ALICE] in "".join(text for _, _, text in visitors[ALICE].pages)
    assert SECRETS[BOB] in "".join(text for _, _, text in visitors[BOB].pages)
    assert pages_with_secret(visitors[ALICE], SECRETS[BOB]) == []
    assert pages_with_secret(visitors[BOB], SECRETS[ALICE]) == []

    log = app.log.read_text()
    assert [token for proxy in proxies.values() for token in proxy.tokens if token in log] == []
    assert "never-to-be-used" not in log
    assert not re.search(r"(alpha|beta)secret (team|vp|problem|text)", log)


def test_a_reader_can_change_nothing(proxies: dict[str, AppsProxy], shared: Warehouse) -> None:
    before = _everything(shared)
    bob = Visitor(proxies[BOB])
    page = bob.get(f"/accounts/{ACCOUNT[BOB]}/").text
    assert "betasecret team" in page
    alices = Visitor(proxies[ALICE]).get(f"/accounts/{ACCOUNT[ALICE]}/").text
    assert {"Edit", "Delete"} <= _controls(alices)
    # Following needs MODIFY on its table.
    assert _controls(page) == set()
    for headers in (WHOLE, BY_HTMX):
        # A form of another site, or an expired one, would be refused under another title.
        refused = _title(bob.get("/accounts/new/", **headers))
        assert refused
        for owner in (ALICE, BOB):
            for path, data in forms_of(ACCOUNT[owner]):
                answer = bob.post(path, data, **headers)
                assert (answer.status_code, _title(answer)) == (403, refused), path
    assert _everything(shared) == before


def _controls(page: str) -> set[str]:
    """Return the labels of the links and buttons on an account's page that lead to changes."""
    main = BeautifulSoup(page, "html.parser").select_one("main")
    links = main.select("a[href*='/edit/'], a[href*='/delete/'], a[href*='/new/']")
    return {each.get_text(strip=True) for each in (*links, *main.select("form[method=post]"))}


def _title(answer: requests.Response) -> str:
    """Return the heading of an error's page, or of its toast."""
    title = BeautifulSoup(answer.text, "html.parser").select_one("main h1, .toast strong")
    return title.get_text(strip=True) if title else ""


def test_an_editor_changes_only_visible_rows(
    proxies: dict[str, AppsProxy], shared: Warehouse
) -> None:
    alice = Visitor(proxies[ALICE])
    hidden = _everything(shared, ACCOUNT[BOB])
    for path, data in forms_of(ACCOUNT[BOB])[1:]:
        answer = alice.post(path, data)
        assert answer.status_code in (302, 303, 404, 409, 501), (
            path,
            re.findall(r"<h1.*?</p>", answer.text, re.S),
        )
    assert _everything(shared, ACCOUNT[BOB]) == hidden
    seen = accounts.get(shared, ACCOUNT[ALICE]).updated_at.isoformat()
    saved = alice.post(
        f"/accounts/{ACCOUNT[ALICE]}/edit/",
        {"team": "Renamed", "business_area": "x", "updated_at": seen},
    )
    assert saved.status_code in (302, 303)
    account = accounts.get(shared, ACCOUNT[ALICE])
    assert (account.team, account.updated_by) == ("Renamed", ALICE)


@soak
def test_tokens_expire_and_renew_under_load(
    app: Gunicorn, shared: Warehouse, local_warehouse: LocalWarehouse
) -> None:
    proxies = [AppsProxy(app.port, local_warehouse, user, 6) for user in (ALICE, BOB)]
    failed, done, wanted = [], [0], size(25, 50)
    ends, latest = time.monotonic() + 12, time.monotonic() + seconds(30)

    def is_too_early() -> bool:
        return done[0] <= wanted or any(len(proxy.tokens) < 4 for proxy in proxies)

    def work(proxy: AppsProxy) -> None:
        visitor = Visitor(proxy)
        while time.monotonic() < ends or (is_too_early() and time.monotonic() < latest):
            for path in ("/", "/accounts/", f"/accounts/{ACCOUNT[proxy.user]}/", "/updates/"):
                response = visitor.get(path)
                done[0] += 1
                if response.status_code != 200:
                    failed.append((proxy.user, path, response.status_code))
                time.sleep(0 if IS_SOAK else 1.2)

    threads = [
        threading.Thread(target=work, args=[proxy]) for proxy in proxies for _ in range(size(2, 3))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for proxy in proxies:
        proxy.stop()
        assert len(proxy.tokens) >= 4
    assert done[0] > wanted
    assert failed == []


def _everything(wh: Warehouse, bsnid: str | None = None) -> list:
    """Return all rows, or one account's, as the tables' owner sees them."""
    details = [accounts.get_detail(wh, key) for key in ([bsnid] if bsnid else ACCOUNT.values())]
    return [detail for detail in details if detail]
