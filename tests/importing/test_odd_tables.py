"""CSV files and archives with titles on top, odd quotes, damaged bytes or huge cells."""

from __future__ import annotations

import io
import itertools
import struct
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from crm.importing.errors import ImportingError
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings
from crm.importing.readers import csv_file, csv_records, own_export, zip_file
from crm.importing.readers.csv_dialect import Dialect
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .using import Rows, read, reasons


def read_csv(tmp_path: Path, content: str | bytes) -> tuple[Rows, Findings]:
    path = tmp_path / "accounts.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path)


def teams(rows: Rows) -> dict[str, str | None]:
    return {row["bsnid"]: row.get("team") for row in rows["accounts"]}


def test_a_heading_that_stands_twice(tmp_path: Path) -> None:
    content = "bsnid,team,team,Team Name\nD1,first,second,third\nD2,,second,\nD3,same,same,\n"
    rows, findings = read_csv(tmp_path, content)
    assert teams(rows) == {"D1": "first", "D2": "second", "D3": "same"}
    noted = [reason for reason in reasons(findings, NOTED) if "area" not in reason]
    assert noted == [
        "accounts.csv, team: “team” stands over several columns; the first filled one is used",
        "accounts.csv, row 2, team: “team” has another value, “second”; not imported",
        "accounts.csv, row 2, team: “Team Name” has another value, “third”; not imported",
    ]


@pytest.mark.parametrize(
    ("content", "row", "above"),
    [
        ("Our accounts, June\n\n;;\nBSNID;Team;VP\nB1;x;y\n", 5, ["1"]),
        ("sep=;\nbsnid;team, or so;team\nB1;a;x\n", 3, []),
        ("\n\nbsnid|team\nB1|x\n", 4, []),
    ],
)
def test_what_stands_above_the_headings(
    tmp_path: Path, content: str, row: int, above: list[str]
) -> None:
    rows, findings = read_csv(tmp_path, content)
    assert teams(rows) == {"B1": "x"}
    stands = [r for r in reasons(findings, SKIPPED) if "is above the headings" in r]
    assert [reason.split("row ")[1].split(":")[0] for reason in stands] == above


def test_quotes_that_are_not_closed_swallow_no_rows(tmp_path: Path) -> None:
    content = (
        'bsnid,team,vp\nB1,"unclosed,x\nB2,y,"quoted"\nB3,"several\nlines, with a comma",z\n'
        'B4,say "hi","a"b\nB5,one,two,three\nB6,last,"never\nclosed'
    )
    rows, findings = read_csv(tmp_path, content)
    assert teams(rows) == {
        "B2": "y",
        "B3": "several lines, with a comma",
        "B4": 'say "hi"',
        "B5": "one",
        "B6": "last",
    }
    assert reasons(findings, REFUSED) == [
        "accounts.csv, row 2: a quotation mark is opened here and not closed; "
        "the rows after it were read"
    ]
    noted = "\n".join(reasons(findings, NOTED))
    assert "row 6: its quotation marks do not match" in noted
    assert "row 7: has a cell without a heading; not imported: “three”" in noted
    assert "row 9: its quotation marks do not match" in noted


def test_a_quotation_mark_that_a_later_row_closes_swallows_no_rows(tmp_path: Path) -> None:
    rows, findings = read_csv(tmp_path, 'bsnid,team\nB1,"open\nB2,y\nB3,z",more\n')
    assert teams(rows)["B2"] == "y"
    assert any("row 2: a quotation mark is opened here" in r for r in reasons(findings, REFUSED))


def test_an_open_quotation_mark_reads_the_next_rows_only() -> None:
    """Otherwise a file with one in each row is read once for each of its rows."""
    file = io.StringIO("a,b,c\n" + 'B1,"a"b"c,"\n' * 99)
    records = csv_records.Records(file, Dialect(","))
    records.width = 3
    heading, refused, *_ = itertools.islice(records, 2)
    assert (len(heading.cells), refused.cells, file.tell() < 60) == (3, None, True)


def test_a_record_that_is_too_long_ends_at_its_closing_quotation_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_records, "LONGEST", 60)
    rows, findings = read_csv(tmp_path, f'bsnid,team\nB1,"a\n{"x" * 70}\nB9,no row"\nB2,y\n')
    assert teams(rows) == {"B2": "y"}
    (refused,) = reasons(findings, REFUSED)
    assert "row 2: is longer than 60 characters (to line 4)" in refused


def test_a_file_of_one_column_has_no_delimiter_but_the_usual(tmp_path: Path) -> None:
    rows, _ = read_csv(tmp_path, "bsnid\nB1|2\n")
    assert teams(rows) == {"B1|2": None}


def test_the_line_that_names_the_delimiter_is_no_heading(tmp_path: Path) -> None:
    path = tmp_path / "things.csv"
    path.write_text("sep=;\nfirst;second\n1;2\n")
    assert csv_file.headings(path, {}) == ["first", "second"]


def test_a_huge_cell_costs_its_row_only(tmp_path: Path) -> None:
    huge = "x" * 9_000_000
    lines = ("x" * 99 + "\n") * 50_000
    content = f'bsnid,team\nB1,{huge}\nB2,y\nB3,"{lines}"\nB4,z\n'
    rows, findings = read_csv(tmp_path, content)
    assert teams(rows) == {"B2": "y", "B4": "z"}
    first, second = reasons(findings, REFUSED)
    assert "row 2: is longer than 4,000,000 characters; not imported" in first
    assert "row 4: is longer than 4,000,000 characters (to line 50004)" in second


def test_damaged_bytes_are_reported(tmp_path: Path) -> None:
    """A damaged UTF-8 file is read as UTF-8, any other as Windows-1252; both are reported."""
    content = "bsnid,team\nB1,Zürich\nB2,Müller\nB3,".encode() + b"Gen\xe8ve\n"
    rows, findings = read_csv(tmp_path, content)
    assert teams(rows) == {"B1": "Zürich", "B2": "Müller", "B3": "Gen\ufffdve"}
    noted = "\n".join(reasons(findings, NOTED))
    assert "accounts.csv: is UTF-8 with some invalid bytes" in noted
    assert "row 4, team: has a character that could not be read (�)" in noted
    rows, findings = read_csv(tmp_path, b"bsnid,team\nC1,Gen\xe8ve\nC2,x\x81\n")
    assert teams(rows)["C1"] == "Genève"
    noted = "\n".join(reasons(findings, NOTED))
    assert "accounts.csv: was read as Windows-1252, but may have another encoding" in noted
    assert "row 3, team: has a character that could not be read (�)" in noted


def test_unmarked_utf16_and_apostrophes(tmp_path: Path) -> None:
    content = "bsnid,team,vp\nB1,'=1+1,''-x\nB2,'quoted,-\n"
    rows, findings = read_csv(tmp_path, content.encode("utf-16-le"))
    assert teams(rows) == {"B1": "=1+1", "B2": "'quoted"}
    assert rows["accounts"][0]["vp"] == "'-x"
    changed = [r for r in reasons(findings, CHANGED) if "the apostrophe that guards" in r]
    assert len(changed) == 2
    assert "accounts.csv: was read as UTF-16" in reasons(findings, NOTED)


def test_an_empty_file_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "use_cases.csv").write_text("")
    (tmp_path / "accounts.csv").write_text("bsnid,team\nB1,x\n")
    rows, findings = read(tmp_path)
    assert len(rows["accounts"]) == 1
    assert reasons(findings, REFUSED) == ["use_cases.csv: is empty: there are no headings"]


def test_headings_in_other_scripts(warehouse: Warehouse, tmp_path: Path) -> None:
    path, report = tmp_path / "accounts.csv", tmp_path / "none" / "x.csv"
    path.write_text("编号,团队,负责人\nB1,理赔,王芳\n")
    options = ["--map", "编号=bsnid", "--map", "团队=team", "--map", "负责人=admin"]
    call_command("import_legacy", path, *options, stdout=io.StringIO())
    account = accounts.get(warehouse, "B1")
    assert (account.team, account.admin) == ("理赔", "王芳")
    with pytest.raises(CommandError, match="no table has a column nocolumn. There are: bsnid"):
        call_command("import_legacy", path, "--map", "X=nocolumn")
    with pytest.raises(CommandError, match="“团队” is mapped to two columns"):
        call_command("import_legacy", path, "--map", "团队=team", "--map", "团队=vp")
    with pytest.raises(CommandError, match="The report cannot be written to .*No such file"):
        call_command("import_legacy", path, "--report", str(report))


def packed(tmp_path: Path, entries: list[tuple[str, str]]) -> Path:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_an_archive_leaves_out_is_said(tmp_path: Path) -> None:
    entries = [
        ("accounts.csv", "bsnid,team\nB1,x\n"),
        ("accounts.csv", "bsnid,team\nB2,x\n"),
        ("updates.csv/accounts.csv", "bsnid,team\nB3,x\n"),
        ("updates.csv", "id\n"),
        ("../evil.csv", "x"),
        ("inner.zip", "x"),
    ]
    rows, findings = read(packed(tmp_path, entries))
    assert len(rows["accounts"]) == 2
    skipped = reasons(findings, SKIPPED)
    assert "accounts.csv: is in the archive twice; only the first was read" in skipped
    assert "updates.csv: is in the archive twice; only the first was read" in skipped
    assert "../evil.csv: would be unpacked outside the folder; not imported" in skipped
    assert "inner.zip: is an archive in the archive; unpack it" in skipped


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (6, 1, "is protected by a password"),
        (8, 97, "is packed in a way that cannot be read"),
        (None, 0, "export.zip is damaged"),
    ],
)
def test_archives_that_cannot_be_unpacked(
    tmp_path: Path, place: int | None, value: int, message: str
) -> None:
    path = packed(tmp_path, [("accounts.csv", "bsnid,team\n" + "B1,x\n" * 500)])
    content = bytearray(path.read_bytes())
    if place is None:
        content[45:60] = b"\xff" * 15
    else:
        content[place] = value
        content[content.find(b"PK\x01\x02") + place + 2] = value
    path.write_bytes(content)
    with pytest.raises(ImportingError, match=message):
        read(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, [("accounts.csv", "bsnid,team\n"), ("updates.csv", "id\n")])
    monkeypatch.setattr(zip_file, "MAX_UNPACKED", 14)
    assert read(path)
    monkeypatch.setattr(zip_file, "MAX_UNPACKED", 13)
    with pytest.raises(ImportingError, match="unpacks to more than 0 GiB"):
        read(path)
    # Its end claims to have one file.
    content = path.read_bytes()
    path.write_bytes(content[:-14] + struct.pack("<2H", 1, 1) + content[-10:])
    monkeypatch.setattr(zip_file, "MAX_ENTRIES", 1)
    with pytest.raises(ImportingError, match="has more than 1 files"):
        read(path)


@pytest.mark.parametrize("ending", ["zip", "xlsx"])
def test_an_archive_of_many_files_is_refused_before_they_are_read(
    tmp_path: Path, ending: str
) -> None:
    path = packed(tmp_path, [("accounts.csv", "bsnid,team\n")]).rename(tmp_path / f"a.{ending}")
    content = path.read_bytes()
    number, size = struct.pack("<2H", 1, 1), struct.pack("<2H", 10_001, 10_001)
    path.write_bytes(content[:-22] + content[-22:].replace(number, size, 1))
    assert not own_export.is_own_export(path)
    with pytest.raises(ImportingError, match=rf"^a.{ending} has more than 10,000 files.$"):
        read(path)
    start = content[:-22] + content[-22:-10]
    path.write_bytes(start + struct.pack("<L", 100_000_000) + content[-6:])
    with pytest.raises(ImportingError, match=rf"^a.{ending} has more than 10,000 files.$"):
        read(path)


def test_a_refusal_names_a_few_of_many_files(tmp_path: Path) -> None:
    entries = [(f"{number}.txt", "x") for number in range(13)]
    with pytest.raises(ImportingError, match=r"is not named after a table; and 3 more\)"):
        read(packed(tmp_path, entries))
