"""Our faster versions of functions that Django has for templates: the results must be the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.template.defaultfilters import truncatechars
from django.urls import NoReverseMatch, get_script_prefix, reverse, set_script_prefix
from django.utils import timezone
from django.utils.formats import date_format

from crm import fragments, row_fragments
from crm.model.records import Listing, Page, Update
from crm.page_urls import change_url, page_url, record_url
from crm.row_fragments import ListColumn
from crm.templatetags import _list_rows
from crm.templatetags import crm as tags

KEYS = [
    "BSN001",
    "a b",
    "ä/ö",
    "",
    "50%",
    "%s",
    "<x>",
    "a'b\"c",
    "?q#f",
    ".",
    "..",
    "a;b&c=d",
    "日本",
    "~:@",
]
NAMES = ("account-detail", "account-history", "platform-status", "use-case-edit", "update-delete")


@pytest.fixture(params=["/", "/crm/", "/as-of/2026-11-20T09:30:00Z/", "/50%/ü/"])
def _prefix(request: pytest.FixtureRequest) -> Iterator[None]:
    before = get_script_prefix()
    set_script_prefix(request.param)
    yield
    set_script_prefix(before)


@pytest.mark.usefixtures("_prefix")
@pytest.mark.parametrize("name", NAMES)
def test_urls_are_the_ones_that_django_finds(name: str) -> None:
    for key in KEYS:
        try:
            expected = reverse(name, args=[key])
        except NoReverseMatch:
            expected = ""
        if key in (".", ".."):
            expected = ""  # browsers and servers take dots for this folder, or the one above
        assert record_url(name, key) == expected, key
        if expected:
            of_change = reverse("revert", args=["updates", key, 7])
            assert change_url("updates", key, 7) == of_change, key
    assert record_url(name, None) == ""
    assert page_url("account-list") == reverse("account-list")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_days_and_moments_are_written_as_django_writes_them(zone: str) -> None:
    moments = [dt.datetime(2026, month, 28, 23, 5, tzinfo=dt.UTC) for month in range(1, 13)]
    moments.append(dt.datetime(24, 3, 1, 1, 2, tzinfo=dt.UTC))
    with timezone.override(zone):
        for each in moments:
            local = timezone.localtime(each)
            assert f">{date_format(local, 'j M Y, H:i')}<" in fragments.moment(each)
            assert f">{date_format(each.date(), 'j M Y')}<" in fragments.day(each.date())


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue"])
def test_every_moment_that_a_row_can_have_is_shown(zone: str) -> None:
    with timezone.override(zone):
        for each in (dt.datetime.min, dt.datetime.max):
            at = each.replace(tzinfo=dt.UTC)
            assert f"{each.year:04}, " in fragments.moment(at)
            assert f"{each.year:04}" in fragments.plain_day(at)


def test_a_text_is_shortened_as_django_does_it() -> None:
    for text in ("", "abc", "x" * 20, "x" * 21, "é" * 30, "e\u0301" * 30):
        assert fragments.shorten(text, 20) == truncatechars(text, 20)


def test_the_rows_of_a_list_lead_to_their_records_and_back() -> None:
    at = dt.datetime(2026, 3, 1, 9, 5, tzinfo=dt.UTC)
    page = Page((Update("u-1", "B1", updated_at=at),), 1, Listing())
    columns = [ListColumn("description", "Update", "name")]
    row = _list_rows.update_rows(page, columns, "%2Fupdates%2F", True)
    assert 'data-version="2026-03-01T09:05:00.000000+00:00"' in row
    assert row.count("next=%2Fupdates%2F%23row-u-1") == 2
    assert 'title="Write an update about B1"' in row
    assert "next=" not in _list_rows.update_rows(page, columns, "%2Fupdates%2F", False)
    assert ">B1</a>" in row_fragments.changed_account("B1", "", "", has_head=True)


def test_a_fixed_part_is_rendered_once_for_its_values(settings: object) -> None:
    first = tags.fixed("listing/_sheet-head.html", title="<Status>")
    assert "Close &lt;Status&gt;" in first
    assert tags.fixed("listing/_sheet-head.html", title="<Status>") is first
    assert "Close VP" in tags.fixed("listing/_sheet-head.html", title="VP")
