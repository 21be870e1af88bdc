"""Mappings that are kept for the next file with the same headings."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, cast

import pytest

from crm.importing.jobs import mapping_step
from crm.importing.mapping.chosen import SheetMapping, SourceMapping
from crm.importing.mapping.survey import PartSurvey
from crm.repository.transfer import import_mappings
from crm.warehouse import Warehouse

WH = cast(Warehouse, None)  # no statement runs


def as_kept(found: dict[str, str]) -> dict[str, import_mappings.Kept]:
    return {id: import_mappings.Kept(id, text, "", None) for id, text in found.items()}


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found: dict[str, str] = {}
    monkeypatch.setattr(import_mappings, "keep", lambda wh, given: found.update(given))
    monkeypatch.setattr(import_mappings, "read", lambda wh, ids: as_kept(found))
    return found


def read(path: Path, mapping: SourceMapping) -> tuple[list[PartSurvey], SourceMapping]:
    return mapping_step.read(WH, path, mapping, lambda rows: None, lambda: False)


def keep(path: Path, chosen: SheetMapping) -> None:
    parts, mapping = read(path, SourceMapping(sheets={path.name: chosen}))
    mapping_step.keep(WH, parts, mapping)


def test_a_kept_order_of_dates_gives_way_to_what_the_dates_show(tmp_path: Path) -> None:
    path, lines = tmp_path / "updates.csv", "id,bsnid,date,description\nu1,B1,7/8/2026,d\n"
    path.write_text(lines)
    keep(path, SheetMapping("updates", {}, "dmy"))
    (part,), mapping = read(path, SourceMapping())
    assert (part.is_asked, mapping.sheets[path.name].date_order) == (False, "dmy")
    path.write_text(lines + "u2,B1,25/7/2026,d\n")
    assert read(path, SourceMapping())[1].sheets[path.name].date_order == "dmy"
    path.write_text(lines + "u2,B1,7/25/2026,d\n")
    (part,), mapping = read(path, SourceMapping())
    assert (part.is_asked, mapping.sheets[path.name].date_order) == (False, "")
    path.write_text(lines + "u2,B1,7/25/2026,d\nu3,B1,25/7/2026,d\n")
    (part,), _ = read(path, SourceMapping())
    assert part.is_asked


def test_a_kept_mapping_is_of_no_other_file_with_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_text("bsnid,team\nB1,T\n")
    keep(path, SheetMapping("-"))
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.write(path, "teams.csv")
        packed.writestr("new/teams.csv", "bsnid,team,vp\nB2,T,V\n")
    parts, mapping = read(tmp_path / "all.zip", SourceMapping())
    found = {part.file: mapping_step.complete(part, mapping).table for part in parts}
    assert found == {"teams.csv": "-", "new/teams.csv": "accounts"}


@pytest.mark.parametrize(
    "odd",
    [{"zone": "../etc"}, {"zone": "Europe"}, {"zone": 5}, {"date_order": "xyz"}, {"table": []}],
)
def test_a_kept_mapping_that_nobody_can_use_counts_as_none(
    tmp_path: Path, kept: dict[str, str], odd: dict[str, Any]
) -> None:
    """Somebody may have changed it by SQL, or a version with other time zones may have kept it."""
    path = tmp_path / "updates.csv"
    path.write_text("id,bsnid,date,description\nu1,B1,7/8/2026,d\n")
    keep(path, SheetMapping("updates", {}, "dmy"))
    (id,) = kept
    kept[id] = json.dumps(json.loads(kept[id]) | odd)
    (part,), mapping = read(path, SourceMapping())
    assert (part.is_asked, mapping.sheets[path.name]) == (True, SheetMapping())
