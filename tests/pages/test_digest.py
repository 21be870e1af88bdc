"""The page /digest/: the person's digest as it would be now, and how often they get it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bs4 import BeautifulSoup
from django.conf import settings
from django.test import Client

from crm.model.as_of_address import address
from crm.model.own_tables import DIGESTS, FOLLOWS
from crm.model.schema import TABLES
from crm.repository import versions
from crm.repository.past import diff
from crm.repository.records import digests, mine, use_cases
from crm.repository.records.digests import DAILY, NONE
from crm.warehouse import Warehouse

from ..conftest import Statements
from .html import parsed, texts

See = Callable[..., BeautifulSoup]


def test_the_digest_from_the_choice_to_its_content(
    client: Client,
    warehouse: Warehouse,
    claims_account: str,
    get_page: See,
    statements: Statements,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = get_page("/digest/")
    assert page.select_one(".digest-choice [checked]")["value"] == NONE
    assert texts(page, "main .section p") == ["Nothing. Which accounts are yours?", "Nothing."]
    person = settings.EDIP_USER
    mine.follow(warehouse, person, claims_account)
    text = "<script>x</script> \u202eabc " + "long" * 40
    use_cases.create(warehouse, claims_account, "1", {"problem": text, "status": "On Hold"})
    answer = client.post("/digest/", {"every": DAILY}, follow=True)
    page = parsed(answer)
    assert texts(page, ".toast p") == ["How often you get the digest was saved."]
    assert digests.choice(warehouse, person).every == DAILY
    assert page.select_one(".digest-choice [checked]")["value"] == DAILY
    assert texts(page, ".digest-lines li")[0] == "Created the account Claims"
    assert "\u202e" not in answer.content.decode()
    assert "On hold without a reason: 1" in texts(page, "h3")
    assert not page.select("main script")
    with monkeypatch.context() as patch:  # there are more changes than the digest counts
        patch.setattr(diff, "SHOWN", 1)
        few = get_page("/digest/")
    assert texts(few, ".digest-lines li")[:2] == ["Created the account Claims", "and maybe more"]
    assert "… and more changes" in texts(few, "main .section p")
    with statements() as done:
        get_page("/digest/")
    assert len(done) <= 3 + len(TABLES)

    moment = max(lines[-1].moment for lines in versions.load(warehouse).commits.values())
    past = client.get(address(moment, "/digest/"))
    assert (past.status_code, past["Location"]) == (302, "/digest/")
    page = parsed(client.post("/digest/", {"every": "hourly"}, follow=True))
    assert texts(page, ".toast p") == ["Nothing was saved: choose how often."]


def test_it_works_without_its_tables(client: Client, warehouse: Warehouse, get_page: See) -> None:
    for table, missing in ((DIGESTS, "digests"), (FOLLOWS, "follows")):
        warehouse.execute(f"DROP TABLE {warehouse.namespace.table(table)}", repeatable=True)
        mine.forget_all()
        assert missing in texts(get_page("/digest/"), ".banner")[-1]
    page = parsed(client.post("/digest/", {"every": DAILY}, follow=True))
    assert texts(page, ".toast p") == [
        "Nothing was saved: the table “digests” is missing. An administrator can create missing "
        "tables on the page Set up, or with “manage.py set_up”."
    ]
    mine.forget_all()
