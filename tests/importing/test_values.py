"""Raw values become what their column holds, or are refused; no warehouse."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm.forms.fields import LineField
from crm.importing import cleaning, literals
from crm.importing.cleaning import Conventions, clean
from crm.importing.errors import Refused
from crm.importing.raw_rows import Unreadable
from crm.importing.readers import western
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES

TEAM = ACCOUNTS.column("team")
KEY = ACCOUNTS.column("bsnid")
LINKS = ACCOUNTS.column("azure_devops_link")
DATE = UPDATES.column("date")
TIME = UPDATES.column("created_at")
PERSON = USE_CASES.column("leader")
TEXT = USE_CASES.column("problem")
STATUS = PLATFORMS_STATUS.column("status")


@pytest.mark.parametrize("raw", [None, "", "  ", [], float("nan"), "\n"])
def test_values_that_mean_nothing_become_null(raw: Any) -> None:
    assert clean(TEAM, raw).value is None


@pytest.mark.parametrize(
    ("column", "raw", "value", "change"),
    [
        (TEAM, " a ", "a", ""),
        (TEAM, "x" * 200, "x" * 200, ""),
        (TEAM, "a\r\nb", "a b", "line breaks became spaces"),
        (TEXT, "a\r\nb", "a\nb", ""),
        (TEAM, "a\x00b", "ab", "NUL characters were removed"),
        (TEAM, 1001.0, "1001", ""),
        (TEAM, Decimal("12345678901234567890"), "12345678901234567890", ""),
        (TEAM, True, "true", "was not a text"),
        (TEAM, {"a": Decimal("1.5")}, '{"a": 1.5}', "was not a text"),
        (TEXT, {"title": "A", "text": "B"}, '{"title": "A", "text": "B"}', "was not a text"),
        (TEAM, "x\ud800", "x\ufffd", ""),
        (
            TEAM,
            dt.datetime(2025, 3, 6),
            "2025-03-06",
            "was the date or time 2025-03-06, and no text",
        ),
        (KEY, "B1\u200b\u00a0", "B1", "invisible characters were removed"),
        (KEY, "\u2068B1\u2069", "B1", "invisible characters were removed"),
        (KEY, "NULL", None, "“NULL” stands for a missing value"),
        (TEAM, "NULL", "NULL", ""),
        (STATUS, "in PROGRESS", "In Progress", "“in PROGRESS” was read as “In Progress”"),
        (STATUS, "in_progress", "In Progress", "“in_progress” was read as “In Progress”"),
        (STATUS, "Not-Started", "Not Started", "“Not-Started” was read as “Not Started”"),
        (
            STATUS,
            "In\u2011Progress\u200b",
            "In Progress",
            "“In‑Progress\u200b” was read as “In Progress”",
        ),
        (STATUS, "Ｃompleted", "Completed", "“Ｃompleted” was read as “Completed”"),
        (STATUS, "Paused", "Paused", ""),
        (STATUS, "done", "done", ""),
        (STATUS, "✅ Completed", "Completed", "“✅ Completed” was read as “Completed”"),
        (STATUS, "3 - requested", "Requested", "“3 - requested” was read as “Requested”"),
        (STATUS, "Completed?", "Completed?", ""),
        (STATUS, "N/A", None, "“N/A” stands for a missing value"),
        (STATUS, " – ", None, "“–” stands for a missing value"),
        (TEAM, "–", "–", ""),
        (TEAM, " nan ", None, "“nan” stands for a missing value"),
        (TEAM, "nan", None, "“nan” stands for a missing value"),
        (TEAM, "Nan", "Nan", ""),
        (PERSON, "None", None, "“None” stands for a missing value"),
        (
            TEXT,
            ["x" * 99, "y"],
            f"{'x' * 99}, y",
            f'“["{"x" * 78}” was read as “{"x" * 80}”',
        ),
        (TEXT, "None", "None", ""),
        (DATE, dt.date(2025, 6, 27), "2025-06-27", ""),
        (DATE, dt.datetime(2025, 6, 27), "2025-06-27", ""),
        (DATE, dt.datetime(2025, 6, 27, 10), "2025-06-27", "the time of day was left out"),
        (DATE, "2025-06-27 10:00", "2025-06-27", "the time of day was left out"),
        (DATE, "2025-06-27T00:00:00", "2025-06-27", ""),
        (DATE, 45835, "2025-06-27", "Excel’s day 45835"),
        (DATE, "45835", "2025-06-27", "Excel’s day 45835"),
        (DATE, 45835.5, "2025-06-27", "Excel’s day 45835.5; the time of day was left out"),
        (DATE, 20250627, "2025-06-27", ""),
        (DATE, 20250627000000, "2025-06-27", ""),
        (DATE, 20250627140311, "2025-06-27", "the time of day was left out"),
        (TIME, 20250627140311, "2025-06-27T14:03:11+00:00", ""),
        (DATE, {"$date": "2025-06-27T00:00:00Z"}, "2025-06-27", ""),
        (DATE, {"$date": {"$numberLong": "1750982400000"}}, "2025-06-27", ""),
        (
            DATE,
            {"$date": {"$numberLong": "1751033000000"}},
            "2025-06-27",
            "the time of day was left out",
        ),
        (DATE, [2025, 6, 27, 0, 0], "2025-06-27", ""),
        (DATE, {"year": 2025, "month": 6, "day": 27}, "2025-06-27", ""),
        (TIME, {"_seconds": 1750982400, "_nanoseconds": 0}, "2025-06-27T00:00:00+00:00", ""),
        (DATE, {"$date": None}, None, ""),
        (DATE, {"$date": {"$numberLong": None}}, None, ""),
        (LINKS, "[OrderedDict([1, 2])]", "[OrderedDict([1, 2])]", ""),
        (LINKS, f"[date(1{'0' * 19}, 1, 1)]", f"[date(1{'0' * 19}, 1, 1)]", ""),
        (LINKS, f"[0x{'f' * 3600}]", f"[0x{'f' * 3600}]", ""),
        (DATE, "NaT", None, ""),
        (TIME, "2025-06-27T10:00:00+02:00", "2025-06-27T08:00:00+00:00", ""),
        (TIME, dt.date(2025, 6, 27), "2025-06-27T00:00:00+00:00", ""),
        (LINKS, "[]", None, ""),
        (LINKS, "['https://a']", "https://a", ""),
        (LINKS, "('https://a',)", "https://a", ""),
        (LINKS, "{'https://a'}", "https://a", ""),
        (LINKS, "array(['https://a'], dtype=object)", "https://a", ""),
        (LINKS, "set()", None, ""),
        (LINKS, [Unreadable("is NaN")], None, ""),
        (LINKS, '["https://a", "https://b"]', "https://a\nhttps://b", "2 links, one per line"),
        (LINKS, "['https://a'\n 'https://b']", "https://a\nhttps://b", "2 links, one per line"),
        (LINKS, "https://a, https://a;https://b", "https://a\nhttps://b", "2 links, one per line"),
        (LINKS, ["https://a", "https://b"], "https://a\nhttps://b", ""),
        (LINKS, "[draft] https://a", "[draft]\nhttps://a", "2 links, one per line"),
    ],
)
def test_a_value_is_cleaned_and_the_change_is_noted(
    column: Any, raw: Any, value: str | None, change: str
) -> None:
    cleaned = clean(column, raw)
    assert (cleaned.value, cleaned.change) == (value, change)


@pytest.mark.parametrize(
    ("column", "raw", "reason"),
    [
        (TEAM, "x" * 201, "Team has 201 characters; at most 200 fit"),
        (KEY, ["B1"], 'BSNID is \\["B1"\\], which is no text'),
        (DATE, True, "“True” is not a date"),
        (DATE, dt.time(14, 3), "“14:03:00” is not a date"),
        (TIME, dt.timedelta(hours=30), "“1 day, 6:00:00” is not a date"),
        (DATE, {"$date": {"a": 1}}, "is not a date"),
        (DATE, {"$date": [None]}, "is not a date"),
        (DATE, 60, "60 is not a date"),
        (DATE, 3_000_000, "3000000 is not a date"),
        (TIME, "9999-12-31T23:59:59-05:00", "outside the years 1 to 9999"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_a_reason(
    column: Any, raw: Any, reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        clean(column, raw)


def test_a_known_word_is_not_read_as_another_that_differs_in_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cleaning.vocabulary, "words", lambda _: ("GO", "go", "None"))
    assert clean(STATUS, "go") == cleaning.Cleaned("go")
    assert clean(STATUS, "None") == cleaning.Cleaned("None")
    assert clean(STATUS, "none") == cleaning.Cleaned("None", "“none” was read as “None”")


def test_conventions_of_files() -> None:
    guarded = Conventions(guards_formulas=True)
    assert clean(TEAM, "'=1+1", guarded).value == "=1+1"
    assert clean(TEAM, "'=1+1", guarded).change.startswith("the apostrophe")
    assert clean(TEAM, "''=1", guarded).value == "'=1"
    assert clean(TEAM, "'=1+1").value == "'=1+1"
    assert clean(TEAM, "'quoted", guarded).value == "'quoted"
    assert clean(TEAM, "'90 Club", guarded).value == "'90 Club"
    assert clean(KEY, "'0012", guarded).value == "0012"
    assert (
        clean(KEY, "'0012", guarded).change
        == "the apostrophe that makes a number a text was removed"
    )
    assert clean(KEY, "'0012").value == "'0012"
    exact = Conventions(is_exact=True)
    assert clean(TEAM, " a\n", exact).value == " a\n"
    assert clean(STATUS, "completed", exact).value == "completed"
    with pytest.raises(Refused, match="at most"):
        clean(TEAM, "x" * 201, exact)
    east = Conventions(zone=dt.timezone(dt.timedelta(hours=2)))
    assert clean(TIME, "2025-06-27 10:00", east).value == "2025-06-27T08:00:00+00:00"


@pytest.mark.parametrize(
    ("raw", "reading"),
    [
        (1751033000, "numbers such as 1751033000 were read as seconds since 1970 (UTC)"),
        ("27.06.2025", "dates such as “27.06.2025” were read like 2025-06-27"),
        ("27.06.2025 1:00", "dates such as “27.06.2025 1:00” were read like 2025-06-27, in UTC"),
        ("2025-06-27 1:00", ""),
    ],
)
def test_how_a_column_is_read_is_said(raw: Any, reading: str) -> None:
    assert clean(TIME, raw).reading == reading


@pytest.mark.parametrize("key", ["a/b", "a\tb", ".", "..", "new", "New"])
def test_keys_that_no_url_can_hold(key: str) -> None:
    with pytest.raises(Refused, match="no address can hold it"):
        cleaning.check_key(KEY, key)


def test_a_missing_key_is_refused() -> None:
    assert cleaning.check_key(KEY, "B 1") == "B 1"
    assert cleaning.check_key(UPDATES.column("id"), "new") == "new"
    with pytest.raises(Refused, match="BSNID is missing"):
        cleaning.check_key(KEY, None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': None, 'b': (1, -2.5)}", {"a": None, "b": [1, -2.5]}),
        ("{'d': datetime.date(2025, 6, 27)}", {"d": "2025-06-27"}),
        ("{'t': Timestamp('2025-06-27 14:03:11')}", {"t": "2025-06-27 14:03:11"}),
        ("{'x': nan, 'y': null, 'z': true}", {"x": None, "y": None, "z": True}),
        ("defaultdict(<class 'list'>, {'a': [1]})", {"a": [1]}),
        ("OrderedDict([('a', 1)])", {"a": 1}),
        ("array(['a', 'b'], dtype=object)", ["a", "b"]),
        ("[np.float64(1.5), np.str_('x'), np.nan, pd.NaT, <NA>]", [1.5, "x", None, None, None]),
        ("['<NA>', \"<class 'dict'>\"]", ["<NA>", "<class 'dict'>"]),
        ("datetime.datetime(2025, 6, 27, 14, 3, tzinfo=<UTC>)", "2025-06-27T14:03:00"),
        ("[Row(bsnid='B1', team=None)]", [{"bsnid": "B1", "team": None}]),
        ("SessionStateProxy({'accounts': {}})", {"accounts": {}}),
        (
            "accounts = {'B1': {}}\nst.session_state['updates'] = []",
            {"accounts": {"B1": {}}, "updates": []},
        ),
    ],
)
def test_texts_of_python_values_are_read(text: str, value: Any) -> None:
    assert literals.parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import os",
        "open('x')",
        "Row('x')",
        "<Account at 0x7f>",
        "f()",
        "{'a': b}",
        "1 +",
        "__import__('os').getcwd()",
        "b'x'",
    ],
)
def test_what_is_no_literal_is_never_run(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any will do
        literals.parse(text)


def test_lists_as_texts() -> None:
    assert literals.parse_list("['it''s', \"b\"]") == ["it", "s", "b"]
    assert literals.parse_list("[1, null]") == [1, None]
    assert literals.parse_list("[draft]") is None
    assert literals.parse_list("no list") is None
    assert literals.parse_list("[ 'a'  ,'b'   \n\"c\" , ]") == ["a", "b", "c"]


def test_long_and_odd_texts_are_read_in_one_pass(tmp_path: Path) -> None:
    """Otherwise one cell blocks the process: nearly a list, many blanks, a long word."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a" * 40_000 + b" \xfcber Stra\xdfe")
    began = time.process_time()
    assert literals.parse_list("[" + "'a'  " * 16 + "x]") is None
    assert len(cleaning.links_in(f"https://a{' ' * 30_000}x , https://b")) == 2
    for column in (ACCOUNTS.column("team"), UPDATES.column("date")):
        for text in (f"a{' ' * 80_000}b", "," * 20_000):
            with pytest.raises(Refused):
                clean(column, text)
    assert LineField(limit=9).to_python(f"a{' ' * 80_000}b \n c").endswith("b c")
    assert western.words(path) == [b"\xfcber", b"Stra\xdfe"]
    assert time.process_time() - began < 2


def test_a_very_long_text_is_not_parsed_as_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(literals, "MAX_CHARACTERS", 6)
    assert literals.parse("[1, 2]") == [1, 2]
    with pytest.raises(ValueError, match="too long"):
        literals.parse("[1, 22]")
