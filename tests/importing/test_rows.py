"""Rows of our tables from raw rows: filled columns, repeated keys, made ids; no warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crm.importing import sources
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings
from crm.importing.reader import Reader
from crm.importing.rows import CLEAR, CleanRow, has_made_id
from crm.model.schema import ACCOUNTS, UPDATES, Table
from crm.repository.transfer.matching.fold import DIFFERENCES

from .using import read, reasons


def state(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "state.json"
    path.write_text(json.dumps(content))
    return path


def table_rows(path: Path, table: Table) -> list[tuple[CleanRow, frozenset[str]]]:
    with Findings() as findings, sources.opened(path) as source:
        return [(row, filled) for _, row, filled in Reader(source, findings, CLEAR).rows(table)]


def test_columns_that_the_file_has_a_value_of(tmp_path: Path) -> None:
    records = [
        {"bsnid": "B1", "team": "T", "vp": None, "created_at": "soon"},
        {"bsnid": "B2", "admin": "x" * 300},
    ]
    (_, first), (_, second) = table_rows(state(tmp_path, {"accounts": records}), ACCOUNTS)
    assert first == {"bsnid", "team", "vp"}
    assert second == {"bsnid"}


def test_a_key_that_comes_again(tmp_path: Path) -> None:
    records = [{"bsnid": "B1", "team": team} for team in ("T", "T", "U")]
    rows, findings = read(state(tmp_path, {"accounts": records}))
    assert rows["accounts"] == [{"bsnid": "B1", "team": "T"}]
    assert reasons(findings, SKIPPED) == ["state.json, row 2: repeats state.json, row 1"]
    assert reasons(findings, REFUSED) == [
        "state.json, row 3, bsnid: has the same BSNID as state.json, row 1, but different values"
    ]


def test_a_refused_row_names_the_column_that_is_wrong(tmp_path: Path) -> None:
    content = {
        "accounts": [{"bsnid": "", "team": "T", "vp": "V"}],
        "platforms_status": [{"account_bsnid": "B1", "platform": "", "status": "Completed"}],
    }
    _, findings = read(state(tmp_path, content))
    assert reasons(findings, REFUSED) == [
        "state.json, row 1, bsnid: BSNID is missing",
        "state.json, row 1, platform: Platform is missing",
    ]


@pytest.mark.parametrize(("first", "second"), [("bsn1", "BSN1"), ("BSN-1", "BSN\u20111")])
def test_keys_that_look_the_same(tmp_path: Path, first: str, second: str) -> None:
    records = [{"bsnid": bsnid, "team": "T"} for bsnid in (first, second, "BSN2")]
    rows, findings = read(state(tmp_path, {"accounts": records}))
    assert len(rows["accounts"]) == 3
    (noted,) = [reason for reason in reasons(findings, NOTED) if "case" in reason]
    assert noted == (
        "state.json, row 2, bsnid: its key differs from that of state.json, row 1 only in "
        + DIFFERENCES
    )


def test_links_of_several_headings_are_put_together(tmp_path: Path) -> None:
    record = {
        "bsnid": "B1",
        "azure_devops_link": "https://a",
        "azure_devops_links": ["https://a", "https://b"],
        "team": "T",
        "team_name": "U",
    }
    rows, findings = read(state(tmp_path, {"accounts": [record]}))
    (account,) = rows["accounts"]
    assert account["azure_devops_link"] == "https://a\nhttps://b"
    assert account["team"] == "T"
    assert any("“team_name” has another value, “U”" in r for r in reasons(findings, NOTED))


def test_what_follows_from_the_rest_is_filled_in(tmp_path: Path) -> None:
    content = {
        "accounts": {
            "B1": {"business_area": "HR", "platforms_status": {"Databricks": "Completed"}},
            "B2": {"business_area": "HR", "primary_it_partner": "Own"},
        },
        "business_areas": {"HR": "Zoë"},
        "updates": [{"bsnid": "B1", "description": "d"}, {"id": "u", "bsnid": "B1"}],
    }
    path = state(tmp_path, content)
    rows, findings = read(path)
    assert [row["primary_it_partner"] for row in rows["accounts"]] == ["Zoë", "Own"]
    assert any("filled with the IT partner of HR: Zoë" in r for r in reasons(findings, CHANGED))
    assert rows["platforms_status"][0]["id"] == read(path)[0]["platforms_status"][0]["id"]
    (made, _), (given, _) = table_rows(path, UPDATES)
    assert has_made_id(UPDATES, made)
    assert not has_made_id(UPDATES, given)


def test_html_is_not_what_people_write_between_signs(tmp_path: Path) -> None:
    html = ("a<br>b", "a<BR/>b", "<p class='x' lang=en>a</p>", '<a href="a>b">x', "1 &lt; 2")
    typed = (
        *("a <b and c> d", "<a@example.com>", "<p.smith@x.org>", "List<String>", "1<2", "<3"),
        *("x < y and y > z", "<i-th row>", "<li, ul>", "if a<b then b>a", "R&D", "<br" + " " * 9),
    )
    updates = [{"bsnid": "B1", "description": text} for text in (*html, *typed)]
    rows, findings = read(state(tmp_path, {"updates": updates}))
    assert [row["description"] for row in rows["updates"]] == [*html, *(t.strip() for t in typed)]
    noted = [reason for reason in reasons(findings, NOTED) if "as HTML" in reason]
    assert [reason.split("“")[1].split("”")[0] for reason in noted] == [
        *("<br>", "<BR/>", "<p class='x' lang=en>", '<a href="a>b">', "&lt;"),
    ]


def test_what_people_should_look_at(tmp_path: Path) -> None:
    record = {
        "bsnid": "B1",
        "team": "",
        "vp": "x\ufffd",
        "admin": "MÃ¼ller",
        "primary_it_partner": "R&amp;D",
        "azure_devops_link": "see the wiki",
        "created_at": 2025,
        "platforms_status": {"Databricks": "Paused"},
    }
    update = {"id": "u", "bsnid": "B1", "description": "None", "author": "A", "date": "2026-01-02"}
    _, findings = read(state(tmp_path, {"accounts": [record], "updates": [update]}))
    assert reasons(findings, NOTED) == [
        "state.json, row 1, vp: has a character that could not be read (\ufffd)",
        "state.json, row 1, admin: may be “Müller” in a wrong encoding; kept as it is",
        "state.json, row 1, primary_it_partner: has “&amp;” as HTML writes it; kept as it is",
        "state.json, row 1, azure_devops_link: “see the wiki” cannot be shown as a link; kept as "
        "text",
        "state.json, row 1, created_at: 1905-07-17 is before 1970 or after 2099; check it",
        "state.json, row 1, team: Team is empty",
        "state.json, business_area: some rows have no Business area; new ones are stored without "
        "it",
        "state.json, row B1/Databricks, status: “Paused” is not one of the known words; kept as "
        "it is",
        "state.json, row 1, description: “None” may stand for a missing value; kept as it is",
    ]
