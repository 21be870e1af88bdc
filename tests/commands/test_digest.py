"""The digest: what it says in each form, and who gets it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core import mail as outgoing
from django.core.management import CommandError

from crm.digest import chat, mail
from crm.digest.content import LENGTH, Account, Digest, Kind, plain
from crm.model.own_tables import DIGESTS
from crm.repository.records import digests, mine
from crm.repository.records.digests import DAILY, NONE, WEEKLY
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from .digest_runs import HOME, run

ANA, BO = "ana@example.com", "bo@example.com"
HOSTILE = '<b>x</b> [y](http://evil) <!channel> *z* "q" \u202eabc\r\nBcc: x@y'
MOMENT = dt.datetime(2026, 11, 20, 7, tzinfo=dt.UTC)


def hostile_digest() -> Digest:
    text = plain(HOSTILE)
    return Digest(
        "Your accounts",
        "/digest/",
        MOMENT,
        MOMENT + dt.timedelta(7),
        [Account(text, "/accounts/%3Cb%3E/", [text], 2)],
        3,
        8,
        kinds=[Kind("No IT partner", 5, "/accounts/?primary_it_partner=", [text])],
    )


def test_each_form_says_the_same_and_shows_hostile_text_as_text() -> None:
    found, text = hostile_digest(), plain(HOSTILE)
    assert text == '<b>x</b> [y](http://evil) <!channel> *z* "q" abc Bcc: x@y'
    assert plain("x" * 999) == "x" * (LENGTH - 1) + "…"
    assert found.subject == "EDIP CRM: 8 changes, 5 to look at"
    lines = mail.text(found, HOME).splitlines()
    assert lines[0] == "Your accounts, 20 Nov 2026, 07:00 to 27 Nov 2026, 07:00 UTC"
    assert f"{text}  {HOME}/accounts/%3Cb%3E/" in lines
    assert lines.count(f"  - {text}") == 2
    assert "… and changes of 3 more accounts" in lines
    cut = replace(found, accounts=[replace(found.accounts[0], is_cut=True)], has_more=True)
    shown = chat.payload(cut, HOME, chat.SLACK)["blocks"]
    for form in (mail.text(cut, HOME), mail.html(cut, HOME), str(shown)):
        assert "… and changes of at least 3 more accounts" in form
        assert "and at least 2 more" in form
    assert replace(cut, left_out=0).rest == "more changes"

    page = BeautifulSoup(mail.html(found, HOME), "html.parser")
    assert [each.get_text() for each in page.select("a")][0] == text
    assert not page.select("b, script, style, img, link")
    assert all(link["href"].startswith(HOME) for link in page.select("a"))

    card = chat.payload(found, HOME, chat.TEAMS)["attachments"][0]["content"]
    # This element shows text as it is; a TextBlock would interpret markup.
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert [run["text"] for run in runs].count(f"– {text}") == 2
    slack = chat.payload(found, HOME, chat.SLACK)
    (section,) = slack["blocks"][0]["elements"]
    assert [each["text"] for each in section["elements"]].count(text) == 3
    assert {each["type"] for each in section["elements"]} == {"text", "link"}
    assert slack["text"] == found.subject

    short = Digest("EDIP CRM", "/digest/", MOMENT, MOMENT, is_short=True)
    assert not short.is_empty
    assert "Nothing" not in mail.text(short, HOME) + mail.html(short, HOME)


def test_periods() -> None:
    days = [dt.date(2026, 12, 31), dt.date(2027, 1, 3), dt.date(2027, 1, 4)]
    assert [digests.period_of(WEEKLY, day) for day in days] == ["2026-W53", "2026-W53", "2027-W01"]
    assert digests.period_of(DAILY, days[0]) == "2026-12-31"


def choose_and_follow(wh: Warehouse) -> None:
    """Ana, who chose three times, somebody without an address and one without digests follow."""
    for person, every in ((ANA, WEEKLY), (BO, DAILY), ("no address", DAILY), ("c@x.de", NONE)):
        digests.choose(wh, person, every)
    for person in (ANA, "no address", "c@x.de"):
        mine.follow(wh, person, "BSN001")
    digests.choose(wh, ANA, DAILY)
    digests.choose(wh, ANA, WEEKLY)


def require_anas_digest(message: outgoing.EmailMessage) -> None:
    assert message.to == [ANA]
    assert message.subject == "EDIP CRM: 1 change, 2 to look at"
    assert f"Claims  {HOME}/accounts/BSN001/\n  - Created the account Claims" in message.body
    assert f"No IT partner: 1  {HOME}/accounts/?primary_it_partner=&mine=on" in message.body
    assert re.fullmatch(
        r"<edip-digest-\w{32}@crm.example.com>", message.extra_headers["Message-ID"]
    )


def test_people_get_what_is_theirs_once(
    one_account: Warehouse, by_mail: None, settings: Any, server: LocalWarehouse, tmp_path: Path
) -> None:
    wh = one_account
    assert run() == ("Nobody asked for a digest, and there is no webhook of a chat.\n", 0)
    choose_and_follow(wh)

    printed, code = run("--output", str(tmp_path))
    assert (printed.count("as .txt, .html and .json\n"), code, outgoing.outbox) == (4, 0, [])
    assert len(list(tmp_path.glob("ana@example.com-*"))) == 3
    assert len(list(tmp_path.glob("chat_*.json"))) == 1

    server.fault("drop_after", match=r"^\s*UPDATE .*digests", times=2)
    printed, code = run()
    # One recipient's failure stops no other. Nothing is Bo's.
    assert (len(outgoing.outbox), code) == (1, 1)
    assert "no address, " in printed
    assert "not sent: " in printed
    assert re.search(f"{BO}, .*: there is nothing to report", printed)
    require_anas_digest(outgoing.outbox[0])

    printed, code = run()
    assert len(outgoing.outbox) == 1
    assert re.search(f"{ANA}, .*: was sent already", printed)

    # The next digest begins where this one ended.
    for settings.EDIP_DIGEST_SHORT in (False, True):
        wh.execute(f"UPDATE {wh.namespace.table(DIGESTS)} SET period = 'before'", repeatable=True)
        run()
    long, short = outgoing.outbox[1:3]
    assert "WHAT CHANGED\n\nNothing.\n" in long.body
    assert "Claims" not in str(short.message())
    assert f"{HOME}/digest/" in short.body

    wh.execute(f"DROP TABLE {wh.namespace.table(DIGESTS)}", repeatable=True)
    with pytest.raises(CommandError, match="run set_up"):
        run()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("EDIP_APP_URL", "", "EDIP_APP_URL is missing"),
        ("EDIP_DIGEST_CHAT", "irc", "one of teams, slack"),
        ("EDIP_DIGEST_WEBHOOK", "http://chat.example.com/", "https"),
    ],
)
def test_settings_that_do_not_do(
    by_mail: None, settings: Any, name: str, value: str, problem: str
) -> None:
    setattr(settings, name, value)
    with pytest.raises(CommandError, match=problem):
        run()
