"""Dates and times as people and programs write them, one by one; no warehouse."""

from __future__ import annotations

import datetime as dt

import pytest

from crm.importing import date_numbers, dates
from crm.importing.dates import DAY_FIRST, MONTH_FIRST, YEAR_FIRST, AmbiguousDate
from crm.importing.errors import Refused


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-27", "2025-06-27 00:00:00"),
        ("2025-06-27T14:03:11Z", "2025-06-27 14:03:11+00:00"),
        ("2025-06-27 14:03:11.123456", "2025-06-27 14:03:11.123456"),
        ("2025-06-27 14:03:11 UTC", "2025-06-27 14:03:11+00:00"),
        ("2025-06-27 14:03:11 -0530", "2025-06-27 14:03:11-05:30"),
        ("2025-06-27T24:00:00", "2025-06-28 00:00:00"),
        ("20250627", "2025-06-27 00:00:00"),
        ("2025/6/7", "2025-06-07 00:00:00"),
        ("2025.06.27", "2025-06-27 00:00:00"),
        ("27.6.2025", "2025-06-27 00:00:00"),
        ("27.06.25 9:05", "2025-06-27 09:05:00"),
        ("27.06.2025, 14:03:11", "2025-06-27 14:03:11"),
        ("08.07.2026 22:48 Uhr", "2026-07-08 22:48:00"),
        ("11/25/2026 22:48", "2026-11-25 22:48:00"),
        ("25/11/2026 22:48", "2026-11-25 22:48:00"),
        ("6/27/2025 2:03:11 PM", "2025-06-27 14:03:11"),
        ("6/27/2025 12:00 a.m.", "2025-06-27 00:00:00"),
        ("6/27/68", "2068-06-27 00:00:00"),
        ("6/27/69", "1969-06-27 00:00:00"),
        ("27-Jun-2025", "2025-06-27 00:00:00"),
        ("27-Jun-25", "2025-06-27 00:00:00"),
        ("27. Juni 2025", "2025-06-27 00:00:00"),
        ("Fri 27th of June 2025", "2025-06-27 00:00:00"),
        ("27 juin 2025", "2025-06-27 00:00:00"),
        ("vendredi 1er août 2025 à 14h03", "2025-08-01 14:03:00"),
        ("viernes, 27 de junio del 2025", "2025-06-27 00:00:00"),
        ("sexta-feira, 27 de junho de 2025", "2025-06-27 00:00:00"),
        ("vrijdag 27 juni 2025 om 14:03", "2025-06-27 14:03:00"),
        ("Fr., 27. Juni 2025 um 14:03 Uhr", "2025-06-27 14:03:00"),
        ("27 czerwca 2025 r.", "2025-06-27 00:00:00"),
        ("27. maj 2025 kl. 14:03", "2025-05-27 14:03:00"),
        ("June 27, 2025 at 2:03 PM", "2025-06-27 14:03:00"),
        ("27 de junio de 2025", "2025-06-27 00:00:00"),
        ("27-giu-25", "2025-06-27 00:00:00"),
        ("27 de junho de 2025", "2025-06-27 00:00:00"),
        ("2025年6月27日 14:03", "2025-06-27 14:03:00"),
        ("２０２５／０６／２７", "2025-06-27 00:00:00"),
        ("\u200e6\u200e/\u200e27\u200e/\u200e2025", "2025-06-27 00:00:00"),
        ("2025‑06–27", "2025-06-27 00:00:00"),
        ("'2025-06-27", "2025-06-27 00:00:00"),
        ("20250627140311", "2025-06-27 14:03:11"),
        ("2025년 6월 27일", "2025-06-27 00:00:00"),
        ("2025-06-27T14:03:11+02:00[Europe/Berlin]", "2025-06-27 14:03:11+02:00"),
        ("numpy.datetime64('2025-06-27')", "2025-06-27 00:00:00"),
        ("June 27, 2025 14:03", "2025-06-27 14:03:00"),
        ("Fri, 27 Jun 2025 14:03:11 GMT", "2025-06-27 14:03:11+00:00"),
        ("Fri Jun 27 2025 14:03:11 GMT+0200 (CEST)", "2025-06-27 14:03:11+02:00"),
        ("Fri Jun 27 14:03:11 UTC 2025", "2025-06-27 14:03:11+00:00"),
        ("27.06.2025 14:03 -0530", "2025-06-27 14:03:00-05:30"),
        ("2025-06-27 14:03:11 GMT+2", "2025-06-27 14:03:11+02:00"),
        ("27.06.2025 14:03 MESZ", "2025-06-27 14:03:00+02:00"),
        ("2025-06-27 14:03:11.5 +0200 CEST", "2025-06-27 14:03:11.500000+02:00"),
        ("2025-06-27-14.03.11.123456", "2025-06-27 14:03:11.123456"),
        ("27.6.2025 klo 14.03", "2025-06-27 14:03:00"),
        ("2:03 PM 27.06.2025", "2025-06-27 14:03:00"),
        ("14:03, 27 June 2025 (UTC)", "2025-06-27 14:03:00+00:00"),
        ("27 giugno 2025 alle ore 14:03", "2025-06-27 14:03:00"),
        ("27 juin 2025 à 14 h 03", "2025-06-27 14:03:00"),
        ("Fri Jun 27 14:03:11 CEST 2025", "2025-06-27 14:03:11+02:00"),
        ("Timestamp('2025-06-27 14:03:11')", "2025-06-27 14:03:11"),
        ("Timestamp('2025-06-27', tz='UTC')", "2025-06-27 00:00:00"),
        ("datetime.datetime(2025, 6, 27, 14, 3)", "2025-06-27 14:03:00"),
        ("datetime.date(2025, 6, 27)", "2025-06-27 00:00:00"),
    ],
)
def test_dates_and_times_are_read_in_every_usual_form(text: str, expected: str) -> None:
    assert str(dates.parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "next week",
        "0000-00-00",
        "13/13/2025",
        "31/2/2025",
        "1/2/3",
        "27/06/025",
        "27 June",
        "Jun-2025",
        "June June 27 2025",
        "2025-06-27 14:03 EST",
        "27/06/2025 25:00",
        "6/27/2025 13:00 PM",
        "27/06/2025 and more",
        "datetime.date(2025, 13, 1)",
        "",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(Refused, match="is not a date; write it like 2025-06-27") as refused:
        dates.parse(text)
    assert not isinstance(refused.value, AmbiguousDate)


@pytest.mark.parametrize("text", ["7/8/2026", "7-8-2026", "7/8/26", "7/8/2026 22:48"])
def test_day_and_month_that_cannot_be_distinguished(text: str) -> None:
    with pytest.raises(AmbiguousDate):
        dates.parse(text)
    assert dates.parse(text, MONTH_FIRST).date() == dt.date(2026, 7, 8)
    assert dates.parse(text, DAY_FIRST).date() == dt.date(2026, 8, 7)
    assert {DAY_FIRST, MONTH_FIRST} <= dates.allowed(text).orders


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("7/23/2026", {MONTH_FIRST}),
        ("23-7-2026 10:00", {DAY_FIRST}),
        ("26/7/23", {DAY_FIRST, YEAR_FIRST}),
        ("26/7/8", {YEAR_FIRST}),
        ("'7–23–2026", {MONTH_FIRST}),
        ("23.7.2026", set()),
        ("2026/23/7", set()),
        ("13/13/2026", set()),
        ("soon", set()),
        ("datetime.date(2025, 13, 1)", set()),
    ],
)
def test_what_a_date_says_of_the_order(text: str, orders: set[str]) -> None:
    assert dates.allowed(text).orders == orders


def test_a_date_that_leaves_one_reading_needs_no_order() -> None:
    assert dates.parse("7/23/2026", DAY_FIRST).date() == dt.date(2026, 7, 23)
    assert dates.parse("7/7/2026").date() == dt.date(2026, 7, 7)


@pytest.mark.parametrize(
    ("number", "unit", "time"),
    [
        (1751033000, "seconds", "2025-06-27 14:03:20+00:00"),
        (1751033000.5, "seconds", "2025-06-27 14:03:20.500000+00:00"),
        ("1751033000", "seconds", "2025-06-27 14:03:20+00:00"),
        (1751033000123, "milliseconds", "2025-06-27 14:03:20.123000+00:00"),
        ("1.751033e12", "milliseconds", "2025-06-27 14:03:20+00:00"),
        (1751033000123456, "microseconds", "2025-06-27 14:03:20.123456+00:00"),
        (1751033000123456789, "nanoseconds", "2025-06-27 14:03:20.123456+00:00"),
        ("/Date(1751033000123)/", "milliseconds", "2025-06-27 14:03:20.123000+00:00"),
        ("/Date(1751033000000+0200)/", "milliseconds", "2025-06-27 14:03:20+00:00"),
        (10**8, "seconds", "1973-03-03 09:46:40+00:00"),
    ],
)
def test_numbers_since_1970(number: float | str, unit: str, time: str) -> None:
    found = date_numbers.from_epoch(number)
    assert found is not None
    assert (str(found[0]), found[1]) == (time, unit)


@pytest.mark.parametrize(
    "number",
    [
        45835,
        20250627,
        10**8 - 1,
        5 * 10**9,
        -1751033000,
        "x",
        "12",
        133954000000000000,
        "638866297910000000",
    ],
)
def test_numbers_that_are_no_time_since_1970(number: float | str) -> None:
    assert date_numbers.from_epoch(number) is None
