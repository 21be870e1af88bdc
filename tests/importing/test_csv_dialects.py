"""CSV as other programs than Excel write it, and tables as notebooks print them; no warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from crm.importing.doubts import Doubts
from crm.importing.errors import SourceError
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED
from crm.warehouse import Warehouse

from .using import read, reasons, written

PLAIN = [{"bsnid": "N1", "team": "T", "business_area": "F"}]
QUOTED = [{"bsnid": "N1", "team": 'T, "x"', "business_area": "F"}]
ZEROS = [{"bsnid": "0012", "team": "T", "business_area": "F"}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('bsnid, team, business_area\nN1, "T, ""x""", F\n', QUOTED),
        ("'bsnid','team','business_area'\n'N1','T, \"x\"','F'\n", QUOTED),
        ('bsnid,team,business_area\nN1,"T, \\"x\\"",F\n', QUOTED),
        ("“bsnid”;“team”;“business_area”\n“N1”;“T”;“F”\n", PLAIN),
        ('bsnid,team,business_area\n="0012","=""T""",F\n', ZEROS),
        ('"bsnid,team,business_area"\n"N1,""T, """"x"""""",F"\n', QUOTED),
        ('bsnid,team,business_area\n"N1,T,F"\n', PLAIN),
        ("| bsnid | team | business_area |\n|---|:---:|---:|\n| N1 | T | F |\n", PLAIN),
        (" bsnid | team | business_area\n---+---+---\n N1    | T    | F\n(1 row)\n", PLAIN),
        ("bsnid,team,business_area\n---,---,---\nN1,T,F\n\n(1 rows affected)\n", PLAIN),
        ('ListSchema={"schemaXmlList":["x"]}\nbsnid,team,business_area\nN1,T,F\n', PLAIN),
        ("bsnid^team^business_area\nN1^T^F\n", PLAIN),
        ("bsnid\x01team\x01business_area\nN1\x01T\x01F\n", PLAIN),
        (
            "| bsnid | team | business_area |\n|---|---|---|\n| N1 | T \\| U | F |\n",
            [PLAIN[0] | {"team": "T | U"}],
        ),
        (
            "+---+\n|bsnid|team|business_area|\n|N1|T|F|\n+---+\n1 row in set (0.00 sec)\n",
            PLAIN,
        ),
        ("+--+----+\n|bsnid|team|business_area|\n+-----+-+\n|   N1|   T|  F|\n+---+-+\n", PLAIN),
    ],
)
def test_each_cell_is_found(tmp_path: Path, content: str, expected: list[dict[str, str]]) -> None:
    rows, findings = read(written(tmp_path, "accounts.csv", content))
    assert rows["accounts"] == expected
    assert findings.count(REFUSED) == 0
    assert reasons(findings, NOTED) == []


def test_backslashes_before_delimiters_are_reported(tmp_path: Path) -> None:
    content = "| bsnid | team |\n|---|---|\n| N1 | T \\| U |\n| N2 | V |\n"
    _, findings = read(written(tmp_path, "accounts.csv", content))
    (changed,) = reasons(findings, CHANGED)
    assert changed.startswith("accounts.csv, row 3: backslashes stood before delimiters")


@pytest.mark.parametrize(
    ("row", "team", "vp", "taken_for"),
    [
        ("B1;C:\\data\\;V;", "C:\\data\\", "V", "the end of a text"),
        ("B1;C:\\data\\;V", "C:\\data\\", "V", ""),
        ("B1;C:\\data\\\\;V;x", "C:\\data\\\\", "V", ""),
        ('B1;"C:\\x\\";V;y', "C:\\x\\", "V", ""),
        ("B1;Ops\\;x;V", "Ops;x", "V", "a part of a text"),
        ("|B1|a\\|b|V|", "a|b", "V", "a part of a text"),
        ('| B1 | a \\| "b" | V |', "a | b", "V", "a part of a text"),
        ('| B1 | a \\| b "c" | V |', 'a | b "c"', "V", ""),
        ('B1;Ops\\;V;"x"', "Ops\\", "V", "the end of a text"),
        ('"B1";C:\\data\\;V;', "C:\\data\\", "V", "the end of a text"),
        ("B1;Ops\\;x;V;y", "Ops\\", "x", "the end of a text"),
        ("B1;C:\\data\\;D:\\;V;;", "C:\\data\\", "D:\\", "the end of a text"),
    ],
)
def test_backslashes_at_the_end_of_a_cell(
    tmp_path: Path, row: str, team: str, vp: str, taken_for: str
) -> None:
    blank = " " if row.startswith("| ") else ""
    headings = "bsnid;team;vp"
    if row.startswith("|"):
        headings = blank.join(["|", "bsnid", "|", "team", "|", "vp", "|"])
    rows, findings = read(written(tmp_path, "accounts.csv", f"{headings}\n{row}\n"))
    assert rows["accounts"] == [{"bsnid": "B1", "team": team, "vp": vp}]
    doubts = Doubts(cast(Warehouse, None)).found([], findings)
    assert [doubt.partition("taken for ")[2].partition(";")[0] for doubt in doubts] == [
        *filter(None, [taken_for])
    ]


@pytest.mark.parametrize(
    ("row", "team", "is_doubtful"),
    [
        ('B1;"Ops" x;V;y', "Ops x", True),
        ('B1;"Ops;V', "Ops;V", True),
        ('B1;"Ops" x;V;', "Ops x", False),
        ('B1;"Ops" x', "Ops x", False),
        ('B1;"Ops" x;"V;W"', "Ops x", False),
    ],
)
def test_quotation_marks_that_may_move_values_are_asked_about(
    tmp_path: Path, row: str, team: str, is_doubtful: bool
) -> None:
    rows, findings = read(written(tmp_path, "accounts.csv", f"bsnid;team;vp\n{row}"))
    assert [account["team"] for account in rows["accounts"]] == [team]
    doubts = Doubts(cast(Warehouse, None)).found([], findings)
    assert ["row 2 its quotation marks" in doubt for doubt in doubts] == [True] * is_doubtful
    assert "row 2: its quotation marks do not match" in "\n".join(reasons(findings, NOTED))


def test_only_marks_around_a_cell_are_removed(tmp_path: Path) -> None:
    with_marks = "“bsnid”;“team”\n“N1”;“T”\n“N2”;Claims\n"
    rows, _ = read(written(tmp_path, "accounts.csv", with_marks))
    assert [row["team"] for row in rows["accounts"]] == ["T", "Claims"]
    rows, _ = read(written(tmp_path, "accounts.csv", "bsnid;team\nN1;“T”\n"))
    assert [row["team"] for row in rows["accounts"]] == ["“T”"]


def test_backslashes_before_quotation_marks(tmp_path: Path) -> None:
    """As Spark writes them, also where the record would be another one without them."""
    content = 'bsnid,team,vp\nA,"say \\"",v\nB,"\\"x\\", he said",v\nC,"not \\" closed,v\nD,T,v\n'
    rows, findings = read(written(tmp_path, "accounts.csv", content))
    found = [(row["bsnid"], row["team"]) for row in rows["accounts"]]
    assert found == [("A", 'say "'), ("B", '"x", he said'), ("C", "not \\ closed"), ("D", "T")]
    assert [reason.split(";")[0] for reason in reasons(findings, NOTED) if "row 4" in reason] == [
        "accounts.csv, row 4: its quotation marks do not match"
    ]


def test_what_was_understood_is_said(tmp_path: Path) -> None:
    content = 'bsnid,team\n"N1,T"\n---,---\n'
    _, findings = read(written(tmp_path, "accounts.csv", content))
    assert reasons(findings, CHANGED) == [
        "accounts.csv, row 2: the whole line stood in quotation marks; it was split into cells"
    ]
    assert "accounts.csv, row 3: is a line between rows, or their number; not imported" in reasons(
        findings, SKIPPED
    )


@pytest.mark.parametrize(
    ("content", "sign"),
    [
        ("bsnid;team;business_area\nN1,T,F\n", "“,”"),
        ("bsnid,team,business_area\nN1;T;F\n", "“;”"),
        ("bsnid,team,business_area\nN1\tT\tF\n", "tabs"),
    ],
)
def test_a_row_with_another_delimiter_than_the_headings(
    tmp_path: Path, content: str, sign: str
) -> None:
    rows, findings = read(written(tmp_path, "accounts.csv", content))
    assert rows["accounts"] == PLAIN
    assert reasons(findings, CHANGED) == [
        f"accounts.csv, row 2: its cells are separated by {sign}, unlike the headings"
    ]


def test_values_that_may_be_in_wrong_columns(tmp_path: Path) -> None:
    content = "bsnid,team,business_area\nB1,Grid, Planning,Networks\nB2,T,F,,\n"
    _, findings = read(written(tmp_path, "accounts.csv", content))
    noted = [reason for reason in reasons(findings, NOTED) if "in wrong columns" in reason]
    assert [reason.split(":")[0] for reason in noted] == ["accounts.csv, row 2"]


def test_a_text_that_was_cut_when_it_was_printed_is_not_imported(tmp_path: Path) -> None:
    content = "|bsnid|                team|\n|   B1|A very long team ...|\n"
    rows, findings = read(written(tmp_path, "accounts.csv", content))
    assert rows["accounts"] == [{"bsnid": "B1"}]
    assert (
        "accounts.csv, row 2, team: was cut when it was printed, so it is not whole; not imported"
        in reasons(findings, NOTED)
    )
    # In other files, a text of this length may end so.
    without_bars = content.replace("|\n", "\n").replace("\n|", "\n").strip("|")
    for other in (without_bars, content.replace("|", ";")):
        rows, _ = read(written(tmp_path, "accounts.csv", other))
        assert rows["accounts"] == [{"bsnid": "B1", "team": "A very long team ..."}]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("#NAME?", "is Excel’s error #NAME?"),
        ("#BEZUG!", "is Excel’s error #BEZUG!"),
        ("########", "is what Excel shows in a narrow column"),
    ],
)
def test_what_excel_shows_instead_of_a_value(tmp_path: Path, cell: str, reason: str) -> None:
    content = f"bsnid,team,vp\n#1,{cell},#a\n"
    rows, findings = read(written(tmp_path, "accounts.csv", content))
    assert rows["accounts"] == [{"bsnid": "#1", "vp": "#a"}]
    assert f"accounts.csv, row 2, team: {reason}; not imported" in reasons(findings, NOTED)


@pytest.mark.parametrize("content", ["B1,Grid\n", "B1;Grid;Networks\nB2;Claims;Insurance\n"])
def test_a_file_without_headings(tmp_path: Path, content: str) -> None:
    rows, findings = read(written(tmp_path, "accounts.csv", content))
    assert rows["accounts"] == []
    assert "none of its headings is known: “B1”, “Grid”" in reasons(findings, NOTED)[0]


def test_a_file_of_delimiters_is_empty(tmp_path: Path) -> None:
    _, findings = read(written(tmp_path, "accounts.csv", ",,,\r\n,,,\r\n"))
    assert reasons(findings, REFUSED) == ["accounts.csv: is empty: there are no headings"]


def test_cells_that_only_look_like_it(tmp_path: Path) -> None:
    content = 'bsnid,team,vp\nA--1,--- ,x\n"B1,b,c",T,y\nC1,=1+1,(2 rows)\n'
    rows, _ = read(written(tmp_path, "accounts.csv", content))
    assert [tuple(row.values()) for row in rows["accounts"]] == [
        ("A--1", "---", "x"),
        ("B1,b,c", "T", "y"),
        ("C1", "=1+1", "(2 rows)"),
    ]


@pytest.mark.parametrize(
    "content", [b"\xd0\xcf\x11\xe0\xa1\xb1", b"\x1f\x8b\x08", b"PAR1\0", b"\n<!DOCTYPE html>"]
)
def test_another_kind_of_file_with_the_name_of_a_table(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match="holds something else than its name says"):
        read(written(tmp_path, "accounts.csv", content))


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize("ending", ["xls", "xlsx", "csv"])
@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ("Workbook", "is a workbook of an old Excel; open it in Excel and save it as XLSX.$"),
        ("EncryptedPackage", "is protected by a password; save it without one.$"),
    ],
)
def test_a_workbook_that_is_no_xlsx_inside(
    tmp_path: Path, ending: str, stream: str, reason: str
) -> None:
    path = written(tmp_path, f"accounts.{ending}", OLE + stream.encode("utf-16-le"))
    with pytest.raises(SourceError, match=f"^accounts.{ending} {reason}"):
        read(path)


def test_a_table_that_is_named_like_a_workbook(tmp_path: Path) -> None:
    content = "bsnid;team;business_area\nN1;T;F\n"
    for encoding in ("utf-8", "utf-16"):
        rows, _ = read(written(tmp_path, "accounts.xlsx", content.encode(encoding)))
        assert rows["accounts"] == PLAIN


def test_keys_of_json_in_one_word(tmp_path: Path) -> None:
    content = """{"accounts": [{"bsnId": "N1", "teamName": "T", "businessArea": "F",
    "platformsStatus": {"Databricks": "in_progress"}}],
    "useCases": [{"useCaseId": "1", "accountBsnid": "N1", "problem": "P"}]}"""
    rows, findings = read(written(tmp_path, "state.json", content))
    assert rows["accounts"] == PLAIN
    assert rows["use_cases"] == [{"id": "1", "account_bsnid": "N1", "problem": "P"}]
    assert [row["status"] for row in rows["platforms_status"]] == ["In Progress"]
    assert findings.count(SKIPPED) == 0
