"""JSON in unexpected shapes, encodings and values is read, or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crm.importing.errors import ImportingError
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import read, reasons, run


def state(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "state.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_filled_name_goes_before_an_empty_one(tmp_path: Path) -> None:
    account = {
        "azure_devops_link": "",
        "azure_devops_links": ["https://z/1", "https://z/2"],
        "artifacts_folder_link": "https://y/1",
        "artifacts_folder_links": ["https://y/1", "https://y/2"],
        "team": "T",
        "team_name": "Another",
    }
    case = {"id": "", "use_case_id": "uc-real", "account_bsnid": "", "bsnid": "S1"}
    content = {"accounts": {"S1": account}, "use_cases": {"k1": case | {"problem": "p"}}}
    rows, findings = read(state(tmp_path, content))
    (found,) = rows["accounts"]
    assert found["azure_devops_link"] == "https://z/1\nhttps://z/2"
    assert found["artifacts_folder_link"] == "https://y/1\nhttps://y/2"
    assert found["team"] == "T"
    assert [(row["id"], row["account_bsnid"]) for row in rows["use_cases"]] == [("uc-real", "S1")]
    noted = reasons(findings, NOTED)
    assert (
        "state.json, row S1, team: “team_name” has another value, “Another”; not imported" in noted
    )
    assert any("has the key “k1”, but the id “uc-real”" in reason for reason in noted)
    assert findings.count(REFUSED) == 0


def test_children_within_their_account(tmp_path: Path) -> None:
    account = {
        "team": "T",
        "use_cases": [{"id": "u1", "problem": "a"}, "u2"],
        "updates": {"up1": {"description": "d", "author": "A", "date": "2025-01-01"}, "up2": 5},
    }
    content = {"Accounts": [{"bsnid": "E1", **account}], "use_cases": [{"id": "u2"}]}
    rows, findings = read(state(tmp_path, content))
    ids = {name: [(r.get("account_bsnid"), r.get("id")) for r in rows[name]] for name in rows}
    assert sorted(ids["use_cases"]) == [("E1", "u1"), ("E1", "u2")]
    assert ids["updates"] == [("E1", "up1")]
    assert (len(ids["accounts"]), ids["platforms_status"]) == (1, [])
    assert reasons(findings, REFUSED) == [
        "state.json, row E1/updates/up2: is a number, not a record; not imported"
    ]


def test_children_keep_the_id_and_the_account_that_they_name(tmp_path: Path) -> None:
    update = {"description": "d", "author": "A", "date": "2025-01-01"}
    inside = {
        "k1": update | {"id": "u1"},
        "u2": update,
        "u3": update | {"account_bsnid": "B2"},
    }
    content = {
        "accounts": {"B1": {"team": "T", "updates": inside}},
        "use_cases": {"k2": {"id": "c1", "account_bsnid": "B1", "problem": "p\ud800"}},
    }
    rows, findings = read(state(tmp_path, content))
    assert {(row["id"], row["account_bsnid"]) for row in rows["updates"]} == {
        ("u1", "B1"),
        ("u2", "B1"),
        ("u3", "B2"),
    }
    assert [(row["id"], row["problem"]) for row in rows["use_cases"]] == [("c1", "p\ufffd")]
    noted = reasons(findings, NOTED)
    assert any("has the key “k2”, but the id “c1”; the id is used" in each for each in noted)


def test_what_is_no_record_is_refused_by_name(tmp_path: Path) -> None:
    content = {
        "accounts": {"B1": {"use_cases": "u1,u2"}, "B2": None, "B3": "text"},
        "use_cases": "none",
        "updates": 5,
        "business_areas": ["Finance"],
    }
    rows, findings = read(state(tmp_path, content))
    assert len(rows["accounts"]) == 1
    assert reasons(findings, REFUSED) == [
        "state.json, row B2: is null, not a record; not imported",
        "state.json, row B3: is a text, not a record; not imported",
        "state.json: “use_cases” is a text, not records; not imported",
        "state.json, row B1/use_cases: is a text, neither records nor a list of their ids; "
        "not imported",
        "state.json: “updates” is a number, not records; not imported",
    ]
    assert any("“business_areas” is a list" in reason for reason in reasons(findings, SKIPPED))


AREAS = {
    "accounts": {"B1": {"team": "Café", "business_area": "HR"}},
    "business_areas": {"HR": "Zoë"},
}


@pytest.mark.parametrize(
    ("encoding", "remark"),
    [
        ("utf-8-sig", ""),
        ("utf-16", "was read as UTF-16"),
        ("utf-16-le", "was read as UTF-16"),
        ("cp1252", "was read as Windows-1252, as it is not UTF-8"),
    ],
)
def test_json_in_other_encodings_is_read(tmp_path: Path, encoding: str, remark: str) -> None:
    text = json.dumps(AREAS, ensure_ascii=False)
    rows, findings = read(state(tmp_path, text.encode(encoding)))
    (account,) = rows["accounts"]
    assert (account["team"], account["primary_it_partner"]) == ("Café", "Zoë")
    remarks = [reason for reason in reasons(findings, NOTED) if "was read as" in reason]
    assert [remark in reason for reason in remarks] == ([True] if remark else [])


def test_values_that_json_does_not_have(warehouse: Warehouse, tmp_path: Path) -> None:
    """Each is reported and leaves the stored value; texts that look alike are kept."""
    accounts.create(warehouse, {"bsnid": "B1", "team": "There", "business_area": "HR"})
    digits = "7" * 5000
    text = (
        '{"accounts": {"B1": {"team": NaN, "vp": -Infinity, "admin": ' + digits + "}, "
        '"B2": {"team": "NaN and Infinity \\\\ud800", "vp": 123456789012345678901234567890, '
        '"admin": "x\\ud800y", "primary_it_partner": "\\ud83d\\ude00", "business_area": 1e99999}}}'
    )
    _, findings = run(warehouse, state(tmp_path, text), on_conflict="update")
    assert accounts.get(warehouse, "B1").team == "There"
    second = accounts.get(warehouse, "B2")
    assert second.team == "NaN and Infinity \\ud800"
    assert second.vp == "123456789012345678901234567890"
    assert (second.admin, second.primary_it_partner) == ("x\ufffdy", "😀")
    noted = "\n".join(reasons(findings, NOTED))
    assert "row B1, team: is NaN, which is not a value; not imported" in noted
    assert "row B1, vp: is -Infinity, which is not a value; not imported" in noted
    assert "row B1, admin: is a number of 5000 characters" in noted
    assert "row B2, business_area: is a number of 7 characters" in noted
    assert "row B2, admin: has a character that could not be read (�)" in noted


def test_a_number_of_more_digits_than_python_reads(tmp_path: Path) -> None:
    digits = "9" * 5_000
    rows, findings = read(
        state(tmp_path, f'{{"accounts": [{{"bsnid": "B1", "team": {digits}}}]}}')
    )
    assert rows["accounts"] == [{"bsnid": "B1"}]
    assert findings.count(NOTED) > 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"accounts": {\n"B1": {"team": x}}}', "invalid char in json text, in line 2, near “"),
        ('{"accounts": {"B1": {"te', "it ends in the middle; was it cut off"),
        ("", "it is empty"),
        (
            '[{"key": "B1"}]',
            "holds records, but neither its name nor its keys show of which table",
        ),
        ("[]", "holds records, but neither"),
        ("5", "holds a number; it should be"),
        ('{"accounts": []} {"accounts": []}', "holds several values, one after the other"),
        ('[{"bsnid": "B1"}]\n[{"bsnid": "B2"}]', "holds several values, one after the other"),
        # Whose key is no BSNID of an account.
        ('{"query": {"found": [{"name": "x"}]}}', "“query” is not imported"),
        ('{"accounts": ' + "[" * 50 + "]" * 50 + "}", "is nested too deeply"),
    ],
)
def test_what_holds_no_records_is_said_in_words(
    tmp_path: Path, content: str, message: str
) -> None:
    path = state(tmp_path, content)
    if "query" in content:
        path = path.rename(tmp_path / "accounts.json")
    with pytest.raises(ImportingError, match=message) as error:
        read(path)
    assert "\n" not in str(error.value)
    assert "b'" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        {"d": {"results": [{"bsnid": "B1"}]}},
        {"accounts": {"items": [{"bsnid": "B1"}], "total": 1}},
        {"hits": {"total": {"value": 1}, "hits": [{"_id": "1", "_source": {"bsnid": "B1"}}]}},
        {"records": [{"id": "rec1", "fields": {"bsnid": "B1"}}]},
        {"data": {"accounts": {"edges": [{"node": {"bsnid": "B1"}}]}}},
        {"result": [], "data": [{"bsnid": "B1"}]},
    ],
)
def test_records_are_found_in_what_programs_wrap_around_them(tmp_path: Path, content: Any) -> None:
    rows, _ = read(state(tmp_path, content).rename(tmp_path / "accounts.json"))
    assert rows["accounts"] == [{"bsnid": "B1"}]


def test_a_name_like_a_wrapper_may_be_one_of_many(tmp_path: Path) -> None:
    keyed = {"B1": {"team": "T"}, "data": ["x"]}
    rows, findings = read(state(tmp_path, {"accounts": keyed}))
    assert rows["accounts"] == [{"bsnid": "B1", "team": "T"}]
    assert reasons(findings, REFUSED) == [
        "state.json, row data: is a list, not a record; not imported"
    ]
    columns = {"bsnid": ["B1"], "team": ["T"], "value": [5]}
    rows, _ = read(state(tmp_path, columns).rename(tmp_path / "accounts.json"))
    assert rows["accounts"] == [{"bsnid": "B1", "team": "T"}]


def test_rows_that_do_not_fit_their_headings(tmp_path: Path) -> None:
    split = {"columns": ["bsnid", "team"], "data": [["B1", "T", "lost"], ["B2"]]}
    rows, findings = read(state(tmp_path, {"accounts": split}))
    assert rows["accounts"] == [{"bsnid": "B1", "team": "T"}, {"bsnid": "B2"}]
    assert reasons(findings, SKIPPED) == [
        "state.json, (value 3): “(value 3)” is not a column of accounts; 1 value is not imported"
    ]
    _, findings = read(state(tmp_path, [["B1", "T"]]).rename(tmp_path / "accounts.json"))
    assert reasons(findings, REFUSED) == [
        "accounts.json, row 1: is a list, not a record; not imported"
    ]


def test_records_may_be_nested_as_deep_as_the_outline_allows(tmp_path: Path) -> None:
    content = '{"accounts": [{"bsnid": "B1", "team": ' + "[" * 47 + "]" * 47 + "}]}"
    rows, _ = read(state(tmp_path, content))
    assert [row["bsnid"] for row in rows["accounts"]] == ["B1"]


def test_times_at_the_end_of_time(tmp_path: Path) -> None:
    content = {
        "accounts": {
            "B1": {"team": "T", "created_at": "9999-12-31T23:59:59-05:00"},
            "B2": {"team": "T", "created_at": "2025-01-01"},
        }
    }
    rows, findings = read(state(tmp_path, content))
    assert len(rows["accounts"]) == 2
    (empty,) = [reason for reason in reasons(findings, NOTED) if "left empty" in reason]
    assert "row B1, created_at: 9999-12-31T23:59:59-05:00 is outside" in empty


def test_values_that_are_noted(tmp_path: Path) -> None:
    """Empty required fields, links that browsers cannot follow, apostrophes that are texts."""
    content = {
        "accounts": {
            "B1": {"team": "", "azure_devops_link": ["https://", "http:/bad", "https://a.b/c"]},
            "B2": {"team": "'=1+1", "vp": "'-x"},
        },
        "updates": [{"id": "u", "bsnid": "B2", "date": "45835", "description": "d"}],
    }
    rows, findings = read(state(tmp_path, content))
    noted = "\n".join(reasons(findings, NOTED))
    assert "row B1, team: Team is empty" in noted
    assert "“https://” cannot be shown as a link" in noted
    assert "“http:/bad” cannot be shown as a link" in noted
    assert "a.b/c" not in noted
    second = rows["accounts"][1]
    assert (second["team"], second["vp"]) == ("'=1+1", "'-x")
    assert rows["updates"][0]["date"] == "2025-06-27"
    assert any("Excel’s day 45835" in reason for reason in reasons(findings, CHANGED))
