"""Files as Excel, pandas, a browser or people write them: each is read correctly, without a
warehouse, or refused with a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm.importing.errors import SourceError
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED

from .using import read, reasons

CASES = Path(__file__).parent / "cases"

N1 = {"bsnid": "N1", "team": "T", "business_area": "F"}
N2 = {"bsnid": "N2", "team": "T", "business_area": "F"}
B1 = {"bsnid": "B1", "team": "T", "business_area": "F", "vp": "v"}
X1 = {"account_bsnid": "X1"}
Z1 = {"account_bsnid": "Z1"}

# file or folder: its rows by table
READ: dict[str, dict[str, list[dict[str, str]]]] = {
    "Sheet1.xlsx": {"accounts": [{"bsnid": "SH1", "team": "T", "admin": "a"}]},
    "accounts (1).csv": {"accounts": [{"bsnid": "DL1", "team": "T", "business_area": "F"}]},
    "downloads.zip": {
        "accounts": [{"bsnid": "Z1", "team": "T", "vp": "v"}],
        "use_cases": [Z1 | {"id": "1", "problem": "P", "status": "Active"}],
        "updates": [Z1 | {"id": "1", "author": "a", "date": "2025-06-27", "description": "d"}],
    },
    "json-inside/accounts.csv": {"accounts": [B1]},
    "json-inside/accounts.txt": {"accounts": [B1]},
    "json-inside/state.txt": {"accounts": [B1]},
    "python-literal.txt": {"accounts": [{"bsnid": "B1", "team": "T"}]},
    "json/repr.json": {"accounts": [{"bsnid": "B1", "team": "T"}]},
    "json/bom.json": {"accounts": [N1]},
    "json/cols.json": {"accounts": [N1, N2 | {"team": "U"}]},
    "json/databricks-api.json": {"accounts": [N1]},
    "json/lines.json": {"accounts": [N1, N2]},
    "json/list.json": {"accounts": [N1 | {"vp": "v"}]},
    "json/nan.json": {"accounts": [N1, N2 | {"vp": "x"}]},
    "json/split.json": {"accounts": [{"bsnid": "N1", "team": "T"}]},
    "json/timestamp.json": {"accounts": [N1 | {"created_at": "2025-06-27T14:03:11+00:00"}]},
    "excel-cr-phonetic.xlsx": {
        "accounts": [
            {
                "bsnid": "CR1",
                "team": "東京",
                "business_area": "line1 line2",
                "vp": "Bold text",
                "artifacts_folder_link": "https://sp.example/a_x0020_b",
            }
        ]
    },
    "no-ids": {
        "accounts": [{"bsnid": "X1", "team": "T", "business_area": "F"}],
        "platforms_status": [X1 | {"platform": "Databricks", "status": "Completed"}],
        "use_cases": [X1 | {"problem": "P1", "solution": "S1", "leader": "L"}],
        "updates": [X1 | {"author": "a", "date": "2025-06-27", "description": "Typo here"}],
    },
}


@pytest.mark.parametrize("name", READ)
def test_it_is_read_as_what_it_is(name: str) -> None:
    rows, findings = read(CASES / name)
    for table, found in rows.items():
        expected = READ[name].get(table, [])
        assert len(found) == len(expected), (table, found)
        for row, values in zip(found, expected, strict=True):
            assert row | values == row
    assert findings.count(REFUSED) == 0


STAMP = "2026-11-25T22:48:00+00:00"
PANDAS = "2026-11-25T00:00:00+00:00"


@pytest.mark.parametrize(
    ("name", "created_at"),
    [
        ("excel-resaved-us", STAMP),
        ("excel-resaved-de", STAMP),
        ("pandas-epoch-ms.json", PANDAS),
        ("pandas-by-column.json", PANDAS),
        ("pandas-csv", "2026-11-25T22:48:12.908912+00:00"),
    ],
)
def test_the_same_records_whatever_program_had_them(name: str, created_at: str) -> None:
    rows, findings = read(CASES / name)
    assert findings.count(REFUSED) == 0
    first, second = rows["accounts"]
    assert (first["bsnid"], first["team"], first["vp"]) == ("BSN101", "Grid Planning", "Ada Berg")
    assert first["azure_devops_link"] == "https://dev.azure.com/example/grid"
    assert first["artifacts_folder_link"] == "https://example.sharepoint.com/grid"
    assert (second["bsnid"], second["admin"]) == ("BSN102", "Esi Novak")
    assert "azure_devops_link" not in second
    assert "artifacts_folder_link" not in second
    assert first["created_at"] == created_at
    statuses = [(row["platform"], row["status"]) for row in rows["platforms_status"]]
    if not name.endswith(".json"):
        assert statuses == [("Databricks", "In Progress"), ("Snowflake", "Completed")]
    assert [(row["account_bsnid"], row["problem"]) for row in rows["use_cases"]] == [
        ("BSN101", "Load curves arrive a day late"),
        ("BSN102", "Nobody knows which claims wait"),
    ]
    assert [(row["id"][-2:], row["date"], row["description"]) for row in rows["updates"]] == [
        ("11", "2026-07-08", "First curves are in"),
        ("12", "2026-07-23", "Access for the night shift"),
        ("13", "2026-06-30", "Dashboard handed over"),
    ]


def test_a_mapping_rescues_what_no_heading_shows() -> None:
    headings = ["Record ID=bsnid", "Company name=team", "Industry=business_area"]
    rows, _ = read(CASES / "hubspot.csv", headings)
    (account,) = rows["accounts"]
    assert account == {"bsnid": "12345678901", "team": "Acme", "business_area": "FIN"}
    with pytest.raises(SourceError, match="not named after a table"):
        read(CASES / "hubspot.csv")


def test_every_way_to_write_a_time() -> None:
    rows, findings = read(CASES / "json" / "dates.json")
    times = {row["bsnid"]: row.get("created_at") for row in rows["accounts"]}
    to_the_second = "2025-06-27T14:03:11+00:00"
    assert times == {
        "D0": to_the_second,
        "D1": "2025-06-27T14:03:11.123456+00:00",
        "D2": to_the_second,
        "D3": "2025-06-27T12:03:11+00:00",
        "D4": to_the_second,
        "D5": "2025-06-27T00:00:00+00:00",
        "D6": "2025-06-27T14:03:20+00:00",
        "D7": "2025-06-27T14:03:20.500000+00:00",
        "D8": "2025-06-27T14:03:20+00:00",
        "D9": to_the_second,
        "D10": "2025-06-27T00:00:00+00:00",
        "D11": "2025-06-27T00:00:00+00:00",
        "D12": "2025-06-27T00:00:00+00:00",
        "D13": "2025-06-07T00:00:00+00:00",
        "D14": "2025-06-28T00:00:00+00:00",
        "D15": None,
        "D16": "1899-12-30T00:00:00+00:00",
    }
    assert [reason for reason in reasons(findings, NOTED) if "not a date" in reason] == [
        "dates.json, row 16, created_at: “0000-00-00” is not a date; write it like 2025-06-27; "
        "left empty"
    ]


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("Sheet1.xlsx", NOTED, "sheet Sheet1 was read as accounts, by its headings"),
        ("downloads.zip", NOTED, "was read as accounts, by its headings"),
        ("python-literal.txt", NOTED, "is written as Python prints it, not as JSON"),
        ("json/nan.json", NOTED, "row 1, vp: is NaN, which is not a value; not imported"),
        ("pandas-csv", SKIPPED, "accounts.csv: its first column has no heading"),
        ("pandas-epoch-ms.json", CHANGED, "date: numbers such as 1783468800000 were read as"),
        ("excel-resaved-us", CHANGED, "date: dates such as “7/8/2026” were read like 2026-07-08"),
        ("excel-resaved-us", CHANGED, "“11/25/2026 22:48” were read like 2026-11-25, in UTC"),
        ("excel-cr-phonetic.xlsx", CHANGED, "business_area: line breaks became spaces"),
    ],
)
def test_what_was_understood_is_said(name: str, outcome: str, reason: str) -> None:
    remarks = reasons(read(CASES / name)[1], outcome)
    assert any(reason in each for each in remarks), remarks


def test_the_zone_of_times_that_name_none_can_be_chosen() -> None:
    rows, _ = read(CASES / "excel-resaved-us", zone="America/New_York")
    assert rows["accounts"][0]["created_at"] == "2026-11-26T03:48:00+00:00"


def file(tmp_path: Path, name: str, content: Any) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        # One date of the column has only one reading, which decides.
        (["7/8/2026", "7/23/2026"], ["2026-07-08", "2026-07-23"]),
        (["7/8/2026", "23/7/2026"], ["2026-08-07", "2026-07-23"]),
        (["7-8-26", "7-23-26"], ["2026-07-08", "2026-07-23"]),
        # The column does not decide, or contradicts itself: unclear dates stay empty.
        (["7/8/2026", "1/2/2026"], [None, None]),
        (["7/8/2026", "7/23/2026", "23/7/2026"], [None, "2026-07-23", "2026-07-23"]),
        (["7/7/2026"], ["2026-07-07"]),
        # A year of two digits may come first: a day of one digit shows it.
        (["26/7/23", "26/7/8"], ["2026-07-23", "2026-07-08"]),
        (["26/7/23", "26/8/01"], [None, None]),
        (["26/7/23", "27/8/23"], ["2023-07-26", "2023-08-27"]),
        # Dates with dots have the day first.
        (["7.8.2026"], ["2026-08-07"]),
    ],
)
def test_the_column_shows_day_and_month(
    tmp_path: Path, dates: list[str], expected: list[str | None]
) -> None:
    lines = [f"u{n},B1,A,{date},d" for n, date in enumerate(dates)]
    path = file(tmp_path, "updates.csv", "\n".join(["id,bsnid,author,date,description", *lines]))
    rows, findings = read(path)
    assert [row.get("date") for row in rows["updates"]] == expected
    unclear = [r for r in reasons(findings, NOTED) if "may begin with the day or the" in r]
    assert len(unclear) == expected.count(None)


def test_the_order_of_day_and_month_can_be_chosen(tmp_path: Path) -> None:
    path = file(tmp_path, "updates.csv", "id,bsnid,date,description\nu,B1,7/8/2026,d\n")
    assert read(path, date_order="mdy")[0]["updates"][0]["date"] == "2026-07-08"
    assert read(path, date_order="dmy")[0]["updates"][0]["date"] == "2026-08-07"
