"""What a file holds, and what a person has to choose before it can be imported."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import cast

import openpyxl
import pytest
from django.conf import settings

from crm.importing import sources
from crm.importing.doubts import Doubts
from crm.importing.errors import SourceError, Stopped
from crm.importing.findings import SKIPPED, Findings
from crm.importing.jobs.survey_source import ALL_HEADINGS, HEADINGS, PARTS, survey
from crm.importing.mapping.chosen import SheetMapping, SourceMapping
from crm.importing.mapping.survey import PartSurvey
from crm.importing.reader import Reader
from crm.model.schema import ACCOUNTS, UPDATES
from crm.views._import_mapping import panels
from crm.warehouse import Warehouse

from .using import written

CASES = Path(__file__).parent / "cases"


def surveyed(path: Path, mapping: SourceMapping | None = None) -> list[PartSurvey]:
    with sources.opened(path, mapping or SourceMapping(), needs_rows=False) as source:
        return survey(source, lambda rows: None, lambda: False)


def test_a_file_that_no_heading_recognises() -> None:
    (part,) = surveyed(CASES / "hubspot.csv")
    assert (part.guess, part.rows) == ("", 1)
    assert part.headings[0].text == "Record ID"
    assert part.headings[0].samples == ["12345678901"]
    nothing = part.complete(SheetMapping())
    assert part.is_open(nothing)
    chosen = part.complete(SheetMapping("accounts"))
    assert part.missing(chosen) == ["bsnid"]
    words = {heading.word: "-" for heading in part.headings}
    answered = SheetMapping("accounts", words | {"record_id": "bsnid"})
    assert not part.is_open(part.complete(answered))
    assert part.missing(part.complete(answered)) == []
    assert not part.is_open(part.complete(SheetMapping("-")))
    assert PartSurvey.from_json(json.loads(json.dumps(asdict(part)))) == part


@pytest.mark.parametrize(
    "name",
    ["accounts (1).csv", "no-ids", "pandas-epoch-ms.json", "downloads.zip", "json/bom.json"],
)
def test_what_is_recognised_wholly_asks_nothing(name: str) -> None:
    parts = surveyed(CASES / name)
    assert parts
    assert not any(part.is_open(part.complete(SheetMapping())) for part in parts)


def test_dates_of_excel_ask_for_the_zone_and_their_column_shows_the_order() -> None:
    parts = {part.guess: part for part in surveyed(CASES / "excel-resaved-us")}
    accounts = parts["accounts"].complete(SheetMapping())
    assert parts["accounts"].needs_zone(accounts)
    assert parts["accounts"].is_open(accounts)
    assert not parts["accounts"].is_open(parts["accounts"].complete(SheetMapping(zone="UTC")))
    updates = parts["updates"].complete(SheetMapping())
    date = next(each for each in parts["updates"].headings if each.word == "date")
    assert (date.unclear, date.orders) == (1, ["mdy"])
    assert not parts["updates"].needs_order(updates)


def test_values_that_a_choice_would_lose(tmp_path: Path) -> None:
    lines = ["u1,B1,7/8/2026,d,x", "u2,B1,1/2/2026,d,", "u3,B1,soon,d,y", "u4,B1,n/a,d,"]
    text = "\n".join(["id,bsnid,date,description,Mood", *lines])
    (part,) = surveyed(written(tmp_path, "updates.csv", text))
    heads = {each.word: each for each in part.headings}
    mapping = part.complete(SheetMapping())
    assert mapping.columns["date"] == "date"
    assert "mood" not in mapping.columns
    assert heads["date"].lost(UPDATES, "date", "") == 3
    assert heads["date"].lost(UPDATES, "date", "-") == 3
    assert heads["date"].lost(UPDATES, "date", "mdy") == 1
    assert heads["date"].lost(UPDATES, "description", "") == 0
    assert heads["date"].lost(UPDATES, "-", "mdy") == 4
    assert heads["mood"].lost(UPDATES, "", "") == 2
    assert part.needs_order(mapping)
    assert part.needs_order(part.complete(SheetMapping(columns={"date": "created_at"})))
    assert not part.needs_order(part.complete(SheetMapping(columns={"date": "-"})))


def test_sheets_and_tables_of_a_state_are_parts(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Accounts"
    book.active.append(["bsnid", "team", "Databricks"])
    book.active.append(["B1", "T", "Completed"])
    book.create_sheet("Notes").append(["to do"])
    book.save(tmp_path / "book.xlsx")
    (accounts,) = surveyed(tmp_path / "book.xlsx")
    assert accounts.complete(SheetMapping()).columns["databricks"] == "status:Databricks"
    state = {"accounts": {"B1": {"team": "T", "platforms_status": {"Databricks": "Completed"}}}}
    parts = surveyed(written(tmp_path, "state.json", json.dumps(state)))
    assert [(part.sheet, part.is_fixed) for part in parts] == [
        ("accounts", True),
        ("platforms_status", True),
    ]


def test_a_survey_reports_its_progress_and_can_be_stopped(tmp_path: Path) -> None:
    rows = "".join(f"B{n},T\n" for n in range(5_001))
    path = written(tmp_path, "accounts.csv", f"bsnid,team\n{rows}")
    seen: list[int] = []
    with sources.opened(path) as source, pytest.raises(Stopped):
        survey(source, seen.append, lambda: True)
    assert seen == [5_000]


def test_the_encoding_is_a_question_where_it_is_a_guess(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes("bsnid,team\nB1,Müller\n".encode("cp850"))
    (part,) = surveyed(path)
    assert (part.encoding, part.is_open(part.complete(SheetMapping()))) == ("cp1252", True)
    # What the file says in each encoding tells which one is right.
    (panel,) = panels([part], SourceMapping(), {}, checked=False)
    labels = dict(panel.encodings)
    assert labels["cp850"] == "Müller — Code page 850 (DOS)"
    # A command wants to be told which is right.
    with Findings() as findings, sources.opened(path) as source:
        list(Reader(source, findings).rows(ACCOUNTS))
        (doubt,) = Doubts(cast(Warehouse, None)).found([], findings)
    assert doubt.startswith("accounts.csv was read as Windows-1252, but may have another")
    chosen = SourceMapping(SheetMapping(encoding="cp850"))
    (part,) = surveyed(path, chosen)
    assert not part.is_open(part.complete(chosen.everywhere))
    assert part.encoding == "cp850"
    assert part.headings[1].samples == ["Müller"]


def test_utf_16_can_be_chosen_for_any_file(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes("bsnid,team\nB1,Müller\n".encode("cp850"))
    chosen = SourceMapping(SheetMapping(encoding="utf-16"))
    assert all("Müller" not in str(part) for part in surveyed(path, chosen))
    path.write_bytes("bsnid,team\nB1,Müller\n".encode("utf-16-be"))
    assert surveyed(path, chosen)[0].headings[1].samples == ["Müller"]


def test_a_column_of_ours_is_shown_after_however_many_headings(tmp_path: Path) -> None:
    names = [f"h{n}" for n in range(1_000)]
    text = ",".join([*names, "bsnid"]) + "\n" + "x," * 1_000 + "B1\n"
    (part,) = surveyed(written(tmp_path, "accounts.csv", text))
    assert [each.text for each in part.headings] == [*names[:HEADINGS], "bsnid"]
    assert part.missing(part.complete(SheetMapping())) == []


def test_the_order_of_dates_stays_a_question_after_its_answer(tmp_path: Path) -> None:
    path = written(tmp_path, "updates.csv", "id,bsnid,date,description\nu1,B1,7/8/2026,d\n")
    chosen = SourceMapping(SheetMapping(date_order="dmy"))
    (part,) = surveyed(path, chosen)
    assert part == surveyed(path)[0]
    assert part.needs_order(part.complete(SheetMapping()))


def test_a_form_has_room_for_every_heading_that_is_shown(tmp_path: Path) -> None:
    """Columns of ours are shown in any number of files."""
    headings = ",".join(f"h{n}" for n in range(HEADINGS))
    (tmp_path / "x").mkdir()
    for n in range(20):
        written(tmp_path / "x", f"{n}.csv", f"{headings},bsnid,team\n{'x,' * HEADINGS}B1,T\n")
    parts = surveyed(tmp_path / "x")
    shown = [len(part.headings) for part in parts]
    assert shown == [HEADINGS + 2] * 14 + [ALL_HEADINGS - 14 * (HEADINGS + 2) + 2, *[2] * 5]
    assert sum(shown) + 6 * len(parts) < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS


def test_more_files_than_a_page_can_ask_about(tmp_path: Path) -> None:
    for n in range(PARTS + 1):
        written(tmp_path, f"{n}.csv", "a,b\n1,2\n")
    with pytest.raises(SourceError, match="holds 101 files or sheets; this page reads 100"):
        surveyed(tmp_path)


def test_an_empty_key_of_json_can_be_given_a_column(tmp_path: Path) -> None:
    path = written(tmp_path, "accounts.json", '[{"bsnid": "B1", "team": "T", "": "Ann"}]')
    (part,) = surveyed(path)
    assert [each.word for each in part.headings] == ["bsnid", "team", ""]
    mapping = SourceMapping(sheets={"accounts.json": SheetMapping("accounts", {"": "vp"})})
    with Findings() as findings, sources.opened(path, mapping) as source:
        ((_, row, _),) = Reader(source, findings).rows(ACCOUNTS)
    assert row["vp"] == "Ann"
    assert findings.count(SKIPPED) == 0
