from __future__ import annotations

import threading
from typing import Any

import pytest
from django.test import Client

from crm.middleware import rate_limit
from crm.middleware.rate_limit import Buckets
from crm.warehouse import Warehouse

from ..pages.html import HTMX, parsed, text

THEME = ("/preferences/theme/", {"theme": "dark"})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(30, clock)
    assert [buckets.take("alice") for _ in range(30)] == [0] * 30
    assert buckets.take("alice") == 2
    assert buckets.take("bob") == 0
    clock.now += 1.9
    assert buckets.take("alice") == 1
    clock.now += 0.2
    assert buckets.take("alice") == 0
    clock.now += 3600
    assert [buckets.take("alice") for _ in range(31)] == [0] * 30 + [2]


def test_a_bucket_never_holds_more_than_it_should() -> None:
    clock = Clock()
    buckets = Buckets(30, clock)
    assert buckets.take("alice") == 0
    clock.now += 59
    assert [buckets.take("alice") for _ in range(31)] == [0] * 30 + [2]


def test_a_limit_below_one_a_second() -> None:
    clock = Clock()
    buckets = Buckets(1, clock)
    assert (buckets.take("alice"), buckets.take("alice")) == (0, 60)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_PEOPLE", 10)
    buckets = Buckets(1, Clock())
    for number in range(100):
        buckets.take(f"person {number}")
    assert len(buckets) == 10
    assert buckets.take("person 99") == 60


def test_threads_share_a_bucket() -> None:
    buckets = Buckets(100, Clock())
    waits: list[int] = []

    def write() -> None:
        waits.extend(buckets.take("alice") for _ in range(50))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0) == 100


def test_too_many_writes_must_wait(settings: Any) -> None:
    settings.EDIP_WRITES_PER_MINUTE = 2
    client = Client()
    assert [client.post(*THEME).status_code for _ in range(3)] == [303, 303, 429]
    response = client.post(*THEME)
    assert 1 <= int(response["Retry-After"]) <= 30
    page = parsed(response)
    assert text(page, "main h1")
    # The page does not reload itself: that would be a GET, and the refused request was none.
    assert not page.select("meta[http-equiv=refresh]")
    response = client.post(*THEME, **HTMX)
    assert (response.status_code, response["HX-Retarget"]) == (429, "#toasts")
    assert client.get("/accounts/new/").status_code == 200


def test_what_other_sites_send_does_not_count(settings: Any) -> None:
    settings.EDIP_WRITES_PER_MINUTE = 2
    client = Client(enforce_csrf_checks=True)
    assert [client.post(*THEME).status_code for _ in range(4)] == [403] * 4


def test_files_have_a_limit_of_their_own(
    client: Client, settings: Any, warehouse: Warehouse
) -> None:
    settings.EDIP_EXPORTS_PER_MINUTE = 2
    client = Client()
    files = ["/accounts/?format=csv", "/admin-tools/export/?format=json", "/updates/?format=xlsx"]
    answers = [client.get(path) for path in files]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert text(parsed(answers[2]), "main h1") == "Too many files in a short time"
    assert 1 <= int(answers[2]["Retry-After"]) <= 30
    assert client.get("/accounts/").status_code == 200
    assert client.post(*THEME).status_code == 303


def test_the_limit_can_be_switched_off(settings: Any) -> None:
    settings.EDIP_WRITES_PER_MINUTE = settings.EDIP_EXPORTS_PER_MINUTE = 0
    client = Client()
    assert {client.post(*THEME).status_code for _ in range(100)} == {303}
