"""The shapes in which JSON, CSV and workbooks hold records; no warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crm.exporting import tabular
from crm.importing.errors import SourceError
from crm.importing.findings import NOTED, REFUSED, SKIPPED
from crm.importing.raw_rows import RawRow
from crm.importing.within_accounts.statuses import status_rows

from .using import read, reasons

A = {"bsnid": "B1", "team": "T"}
B = {"bsnid": "B2", "team": "U"}


def written(tmp_path: Path, name: str, content: Any) -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


SHAPES: dict[str, Any] = {
    "records": [A, B],
    "by id": {"B1": {"team": "T"}, "B2": {"team": "U"}},
    "by column": {"bsnid": {"0": "B1", "1": "B2"}, "team": {"0": "T", "1": "U"}},
    "lists by column": {"bsnid": ["B1", "B2"], "team": ["T", "U"]},
    "split": {"columns": ["bsnid", "team"], "index": [0, 1], "data": [["B1", "T"], ["B2", "U"]]},
    "table": {"schema": {"fields": [{"name": "bsnid"}]}, "data": [A, B]},
    "named": {"meta": [{"name": "bsnid"}, {"name": "team"}], "rows": [["B1", "T"], ["B2", "U"]]},
    "rows": [["bsnid", "team"], ["B1", "T"], ["B2", "U"]],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wrap", ["whole file", "state", "under a key", "in a list"])
def test_shapes_of_json(tmp_path: Path, shape: str, wrap: str) -> None:
    state = {"accounts": SHAPES[shape], "updates": []}
    wrapped = {"state": state, "under a key": {"v": 2, "data": state}, "in a list": [state]}
    name, content = "state.json", wrapped.get(wrap)
    if content is None:
        name, content = "accounts.json", SHAPES[shape]
    rows, findings = read(written(tmp_path, name, content))
    assert rows["accounts"] == [A, B]
    assert findings.count(REFUSED) == 0
    assert ("“v” is not imported" in str(findings.first)) == (wrap == "under a key")


@pytest.mark.parametrize(
    "content",
    [
        {"data": [A, B]},
        {"Result": [], "Items": [A, B], "Count": 2},
        {"Meta": [{"name": "bsnid"}, {"name": "team"}], "Rows": [["B1", "T"], ["B2", "U"]]},
        {"value": [A, B]},
        "\n".join(map(json.dumps, [A, B])),
        "\n\n".join(map(json.dumps, [A, B])) + "\n",
        {
            "results": {
                "schema": [{"name": '"bsnid"'}, {"name": "team"}],
                "data": [["B1", "T"], ["B2", "U"]],
            }
        },
        "[{'bsnid': 'B1', 'team': 'T'}, {'bsnid': 'B2', 'team': 'U', 'vp': None}]",
        "accounts = {'B1': {'team': 'T'}, 'B2': {'team': 'U'}}",
    ],
)
def test_records_whose_keys_show_the_table(tmp_path: Path, content: Any) -> None:
    rows, _ = read(written(tmp_path, "anything.json", content))
    assert rows["accounts"] == [A, B]


def test_one_record_by_itself(tmp_path: Path) -> None:
    assert read(written(tmp_path, "x.json", A))[0]["accounts"] == [A]
    assert read(written(tmp_path, "x.jsonl", A))[0]["accounts"] == [A]


def test_a_row_of_a_list_is_named_by_its_number(tmp_path: Path) -> None:
    content = [["bsnid", "team"], ["B1", "T"], ["a/b", "U"]]
    _, findings = read(written(tmp_path, "accounts.json", content))
    (refused,) = reasons(findings, REFUSED)
    assert refused.startswith("accounts.json, row 3, bsnid: ")


def test_a_part_of_a_result_is_said(tmp_path: Path) -> None:
    manifest = {"schema": {"columns": [{"name": "bsnid"}, {"name": "team"}]}}
    result = {"data_array": [["B1", "T"]], "next_chunk_index": 1}
    path = written(tmp_path, "result.json", {"manifest": manifest, "result": result})
    rows, findings = read(path)
    assert rows["accounts"] == [A]
    assert any("only a part of a query’s result" in r for r in reasons(findings, NOTED))
    links = {"external_links": [{"external_link": "https://x"}]}
    path = written(tmp_path, "links.json", {"manifest": manifest, "result": links})
    with pytest.raises(SourceError, match="links to a query’s result instead of the rows"):
        read(path)


def test_ids_that_are_named_like_columns_are_ids(tmp_path: Path) -> None:
    content = {"accounts": {"team": {"team": "T", "vp": "V"}, "vp": {"team": "U", "vp": "W"}}}
    rows, _ = read(written(tmp_path, "state.json", content))
    assert [row["bsnid"] for row in rows["accounts"]] == ["team", "vp"]


def test_columns_too_large_for_memory_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.importing.readers.json_shapes.MAX_BYTES_IN_MEMORY", 10)
    path = written(tmp_path, "accounts.json", SHAPES["by column"])
    with pytest.raises(SourceError, match="save it as records"):
        read(path)


def test_statuses_in_columns_of_accounts(tmp_path: Path) -> None:
    lines = (
        "bsnid,team,Databricks,Power Platform,Snowflake Status\nB1,T,completed,,In Progress\n"
        "B2,U,Requested,Not Started,\n"
    )
    rows, findings = read(written(tmp_path, "accounts.csv", lines))
    assert rows["accounts"] == [A, B]
    assert [
        (row["account_bsnid"], row["platform"], row["status"]) for row in rows["platforms_status"]
    ] == [
        ("B1", "Databricks", "Completed"),
        ("B1", "Snowflake", "In Progress"),
        ("B2", "Databricks", "Requested"),
        ("B2", "Power Platform", "Not Started"),
    ]
    assert findings.count(SKIPPED) == 0


@pytest.mark.parametrize("is_own", [True, False])
def test_only_in_our_own_lists_is_not_started_the_lack_of_a_status(is_own: bool) -> None:
    """So a list that is imported again adds no row for it, and any other file does."""
    words = ("Not Started", "Completed")
    rows = [RawRow("row", [("bsnid", "B1"), ("databricks", word)]) for word in words]
    found = status_rows(lambda: iter(rows), {}, is_own)
    assert [row.is_implied for row in found] == [is_own, False]


def test_a_dict_of_statuses_that_is_none(tmp_path: Path) -> None:
    lines = "bsnid,team,platforms_status\nB1,T,{'Databricks': 'Completed'}\nB2,U,soon\n"
    rows, findings = read(written(tmp_path, "accounts.csv", lines))
    assert rows["accounts"] == [A, B]
    assert [row["status"] for row in rows["platforms_status"]] == ["Completed"]
    assert reasons(findings, REFUSED) == [
        "accounts.csv, row 3: “soon” is not like {'Databricks': 'Completed'}"
    ]


def test_of_several_files_the_exactly_named_one_counts(tmp_path: Path) -> None:
    written(tmp_path, "accounts.csv", "bsnid,team\nB1,T\n")
    written(tmp_path, "accounts (1).csv", "bsnid,team\nB2,U\n")
    written(tmp_path, "things.csv", "bsnid,team\nB3,U\n")
    written(tmp_path, ".accounts.csv", "bsnid,team\nB4,U\n")
    rows, findings = read(tmp_path)
    assert rows["accounts"] == [A]
    assert reasons(findings, SKIPPED) == [
        "accounts (1).csv: may hold accounts too, but is not named after them",
        "things.csv: may hold accounts too, but is not named after them",
    ]


def test_a_workbook_of_one_sheet_may_be_named_itself(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["BSNID", "x"])
    book.active.append(["B1", "y"])
    book.save(tmp_path / "accounts (2).xlsx")
    rows, _ = read(tmp_path / "accounts (2).xlsx")
    assert rows["accounts"] == [{"bsnid": "B1"}]


@pytest.mark.parametrize("text", ["_x0041_", "a_x000D_b", "_x005F_x0041_", "'=1+1", "=1+1", "_x"])
def test_texts_of_our_workbooks_come_back(tmp_path: Path, text: str) -> None:
    with (tmp_path / "accounts.xlsx").open("wb") as file:
        tabular.write_sheet(file, "Accounts", ["bsnid", "team"], [{"bsnid": "B1", "team": text}])
    rows, _ = read(tmp_path / "accounts.xlsx")
    assert rows["accounts"] == [{"bsnid": "B1", "team": text}]


def test_a_workbook_by_another_name(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Accounts"
    book.active.append(["BSNID", "Team"])
    book.active.append(["B1", "T"])
    book.save(tmp_path / "x.xlsx")
    (tmp_path / "x.xlsx").rename(tmp_path / "accounts.csv")
    assert read(tmp_path / "accounts.csv")[0]["accounts"] == [A]


def test_only_a_bad_key_or_account_costs_the_row(tmp_path: Path) -> None:
    long = "x" * 300
    lines = f"id,bsnid,author,date,created_at,description\nu1,B1,{long},soon,?,d\n,{long},A,,,d\n"
    rows, findings = read(written(tmp_path, "updates.csv", lines))
    assert [sorted(row) for row in rows["updates"]] == [["account_bsnid", "description", "id"]]
    empty = [reason for reason in reasons(findings, NOTED) if "left empty" in reason]
    assert [reason.split(": ")[0].split(", ")[-1] for reason in empty] == [
        "author",
        "date",
        "created_at",
    ]
    assert reasons(findings, REFUSED) == [
        "updates.csv, row 3, account_bsnid: Account has 300 characters; at most 64 fit"
    ]


def test_keys_that_programs_changed_are_reported(tmp_path: Path) -> None:
    _, findings = read(written(tmp_path, "accounts.csv", "bsnid,team\n1.23E+11,T\n123.0,T\n"))
    noted = "\n".join(reasons(findings, NOTED))
    assert "“1.23E+11” may be a number that Excel shortened" in noted
    assert "“123.0” may be the number 123, as pandas writes it" in noted


def test_the_tables_of_the_next_app(tmp_path: Path) -> None:
    """crm-v3 has other column names; values that have no column here are counted."""
    written(
        tmp_path,
        "accounts.csv",
        "uid,team,business_it_area,team_admin,databricks,health,associated_ado_items,"
        "team_artifacts\nB1,T,Finance,Abe,In Progress,Green,https://a,https://b\n"
        "B2,U,,,,,,\nB3,V,,,,Red,,\n",
    )
    written(
        tmp_path,
        "platforms_crm.csv",
        "id,account_uid,platform_name,onboarding_status\n1,B2,Snowflake,Completed\n",
    )
    written(tmp_path, "primary_it_partners.csv", "id,account_uid,primary_it_partner\n1,B1,Zoë\n")
    rows, findings = read(tmp_path)
    first, *_ = rows["accounts"]
    assert first == {
        "bsnid": "B1",
        "team": "T",
        "business_area": "Finance",
        "admin": "Abe",
        "primary_it_partner": "Zoë",
        "azure_devops_link": "https://a",
        "artifacts_folder_link": "https://b",
    }
    statuses = [(s["account_bsnid"], s["platform"], s["status"]) for s in rows["platforms_status"]]
    assert sorted(statuses) == [
        ("B1", "Databricks", "In Progress"),
        ("B2", "Snowflake", "Completed"),
    ]
    skipped = reasons(findings, SKIPPED)
    assert (
        "accounts.csv, health: “health” is not a column of accounts; 2 values are not imported"
        in skipped
    )


def test_our_own_export_is_kept_exactly(tmp_path: Path) -> None:
    account = {"bsnid": "B1", "team": " T ", "business_area": "'=1"}
    for own in ("edip-crm", "other"):
        path = written(tmp_path, "state.json", {"format": own, "accounts": [account]})
        rows, _ = read(path)
        assert rows["accounts"] == [account if own == "edip-crm" else account | {"team": "T"}]
    path = written(tmp_path, "state.json", {"from": "edip-crm", "accounts": [account]})
    assert read(path)[0]["accounts"] == [account | {"team": "T"}]


def test_a_note_beside_the_tables_stops_nothing(tmp_path: Path) -> None:
    written(tmp_path, "accounts.csv", "bsnid,team\nB1,T\n")
    written(tmp_path, "notes.txt", "todo = [ask Ana")
    rows, findings = read(tmp_path)
    assert rows["accounts"] == [A]
    assert reasons(findings, SKIPPED) == ["notes.txt: is not named after a table"]
    with pytest.raises(SourceError, match="notes.txt is not valid JSON"):
        read(tmp_path / "notes.txt")


@pytest.mark.parametrize("ending", [".json", ".jsonl", ".ndjson"])
def test_a_file_that_is_named_like_json_and_holds_none_is_refused(
    tmp_path: Path, ending: str
) -> None:
    with pytest.raises(SourceError, match="is not valid JSON"):
        read(written(tmp_path, f"accounts{ending}", "bsnid,team\nB1,T\n"))


def test_json_in_utf16_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "state.txt").write_bytes(json.dumps({"accounts": [A]}).encode("utf-16"))
    assert read(tmp_path / "state.txt")[0]["accounts"] == [A]


def test_texts_of_lists_and_dicts_within_json(tmp_path: Path) -> None:
    account = A | {
        "platforms_status": "{'Databricks': 'Completed'}",
        "use_cases": "['u1']",
        "azure_devops_links": "['https://a']",
    }
    content = {"accounts": [account], "use_cases": [{"id": "u1", "problem": "P"}]}
    rows, findings = read(written(tmp_path, "state.json", content))
    assert rows["accounts"] == [A | {"azure_devops_link": "https://a"}]
    assert [status["status"] for status in rows["platforms_status"]] == ["Completed"]
    assert rows["use_cases"] == [{"id": "u1", "account_bsnid": "B1", "problem": "P"}]
    assert findings.count(REFUSED) == 0
