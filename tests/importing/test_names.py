"""Which table a file holds, and which column a heading means; no warehouse."""

from __future__ import annotations

import pytest

from crm.importing.headings import (
    columns_by_index,
    columns_of,
    heading_row,
    normal,
    table_of,
    table_of_file,
    table_with_headings,
)
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("BSNID (UID)", "bsnid_uid"),
        ("  Business-Area ", "business_area"),
        ("编号", "编号"),
        ("ﬁle", "file"),
        ("\ufeffte\u200bam", "team"),
        ("***", "***"),
    ],
)
def test_headings_are_normalised(heading: str, name: str) -> None:
    assert normal(heading) == name


@pytest.mark.parametrize(
    ("stem", "table"),
    [
        ("accounts", ACCOUNTS),
        ("accounts (1)", ACCOUNTS),
        ("accounts(12)", ACCOUNTS),
        ("Copy of accounts", ACCOUNTS),
        ("accounts - Copy (2)", ACCOUNTS),
        ("Kopie von Accounts", ACCOUNTS),
        ("accounts_export", ACCOUNTS),
        ("2026-11-25T22-41_accounts", ACCOUNTS),
        ("accounts-2025-06-27", ACCOUNTS),
        ("edip_crm_use_cases_v2", USE_CASES),
        ("Platform Status final", PLATFORMS_STATUS),
        ("all updates", UPDATES),
        ("accounts_backup", None),
        ("accounts_old", None),
        ("2026-11-25T22-41_export", None),
        ("notes", None),
    ],
)
def test_names_of_files(stem: str, table: Table | None) -> None:
    assert table_of_file(stem) is table


def test_tables_in_a_warehouse_are_named_exactly() -> None:
    assert table_of("edip_crm_accounts", "edip_crm_") is ACCOUNTS
    assert table_of("accounts_1") is None


@pytest.mark.parametrize(
    ("headings", "table"),
    [
        (["bsnid", "team", "business_area"], ACCOUNTS),
        (["BSNID (UID)", "Team Name"], ACCOUNTS),
        (["id", "account_bsnid", "platform", "status"], PLATFORMS_STATUS),
        (["id", "account_bsnid", "problem", "status", "platform"], USE_CASES),
        (["BSNID", "Author", "Date", "Description"], UPDATES),
        (["bsnId", "businessArea"], ACCOUNTS),
        (["useCaseId", "accountBsnid", "problem"], USE_CASES),
        (["updates.id", "updates.account_bsnid", "updates.description"], UPDATES),
        (["bsnid"], None),
        (["team", "vp", "admin"], None),
        (["account_bsnid", "solution", "leader", "status"], None),
        (["bsnid", "created_at", "updated_at"], None),
        (["a", "b"], None),
        ([], None),
    ],
)
def test_headings_show_the_table(headings: list[str], table: Table | None) -> None:
    assert table_with_headings(headings) is table


def test_a_mapping_names_the_table() -> None:
    given = {"record_id": "bsnid", "company_name": "team"}
    assert table_with_headings(["Record ID", "Company name"], given) is ACCOUNTS


def test_columns_by_the_most_certain_heading() -> None:
    headings = ["use_case_id", "ID", "Tier", "BSNID", "", "tier"]
    found = columns_by_index(USE_CASES, headings)
    assert found == {"id": [1, 0], "account_bsnid": [3], "enablement_tier": [2, 5]}
    assert columns_by_index(ACCOUNTS, ["bsnid", "x"], {"x": "bsnid"}) == {"bsnid": [1, 0]}
    assert columns_of(ACCOUNTS, ["uid", "bsnid", "Team"]) == {"bsnid": "bsnid", "Team": "team"}
    assert columns_of(ACCOUNTS, ["x", "bsnid"], {"x": "bsnid"}) == {"x": "bsnid"}
    words = {"Author Name": "author", "Comments": "description"}
    assert columns_of(UPDATES, list(words)) == words
    words = {"Problem Statement": "problem", "Proposed Solution": "solution"}
    assert columns_of(USE_CASES, list(words)) == words
    # What is left out is no column, whatever its name.
    assert columns_by_index(ACCOUNTS, ["bsnid", "Team"], {"team": "-"}) == {"bsnid": [0]}
    assert columns_of(ACCOUNTS, ["bsnid", "Team"], {"team": "-"}) == {"bsnid": "bsnid"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["Our accounts"], [], ["BSNID", "Team"], ["B1", "T"]], (2, 2)),
        ([["x", "team"], ["a", "b"]], (0, 1)),
        ([["All", "team"], ["BSNID", "Team"], ["B1", "T"]], (1, 2)),
        ([["Team", "", "Area"], ["bsnid", "team", "area"], ["B1", "T", "A"]], (1, 3)),
        ([["Team", "Area"], ["VP", "A"]], (0, 2)),
        ([["BSNID", "Team"], ["bsnid", "team", "vp"]], (0, 2)),
        ([[], [None, ""]], (-1, 0)),
        ([["a", "b"], ["c", "d"]], (0, 0)),
        ([["Our leads"], ["a", "b"], ["c", "d"]], (1, 0)),
        ([["", "b", "c"], ["1", "d", "e"]], (0, 0)),
    ],
)
def test_the_row_with_the_headings(rows: list[list[str]], expected: tuple[int, int]) -> None:
    assert heading_row(ACCOUNTS, rows) == expected
