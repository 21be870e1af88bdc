"""Sparse records: each lacks other columns, and all are written in few statements."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

from crm.importing import importer
from crm.importing.findings import Findings
from crm.importing.importer import SKIP, UPDATE, Options
from crm.importing.results import TableResult
from crm.importing.rows import CLEAR
from crm.repository.records import accounts
from crm.repository.transfer import upsert
from crm.warehouse import Warehouse

from ..conftest import Statements

OPTIONAL = (
    "team",
    "business_area",
    "vp",
    "admin",
    "primary_it_partner",
    "azure_devops_link",
)


def write(path: Path, records: list[dict[str, str | None]]) -> Path:
    path.write_text(json.dumps({"accounts": records}))
    return path


def run_import(wh: Warehouse, path: Path, on_conflict: str = SKIP) -> TableResult:
    with Findings() as findings:
        options = Options(on_conflict=on_conflict, empty=CLEAR)
        return importer.run(wh, path, options, findings)[0]


def test_any_subset_of_keys_takes_no_more_statements(
    warehouse: Warehouse, tmp_path: Path, statements: Statements
) -> None:
    subsets = itertools.product((False, True), repeat=len(OPTIONAL))
    records = [
        {"bsnid": f"B{n:04d}"}
        | dict.fromkeys(itertools.compress(OPTIONAL, subset), f"https://example.com/{n}")
        for n, subset in enumerate([*subsets] * 3)
    ]
    random.Random(3).shuffle(records)
    rows = len(records)
    assert rows == 3 * 2 ** len(OPTIONAL)
    path = write(tmp_path / "state.json", records)
    with statements() as done:
        outcome = run_import(warehouse, path)
    assert (outcome.written, outcome.checked, outcome.verified) == (rows, rows, True)
    # One reads the masks, one the version of the tables, and two note the operation.
    assert len(done) <= 8
    with statements() as done:
        again = run_import(warehouse, path, UPDATE)
    assert (again.states["unchanged"], again.written, again.verified) == (rows, 0, True)
    # One reads the masks, one the version of the tables, and two note the operation.
    assert len(done) <= 8


def test_what_a_record_does_not_speak_of_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    old = {"team": "Old", "business_area": "Finance", "vp": "Vera", "admin": "Ada"}
    for bsnid in ("B1", "B2", "B3", "B4"):
        accounts.create(warehouse, {"bsnid": bsnid} | old)
    path = write(
        tmp_path / "state.json",
        [
            {"bsnid": "B1", "team": "New"},
            {"bsnid": "B2", "vp": None, "admin": "Ada"},
            {"bsnid": "B3", "business_area": "Finance"},
            {"bsnid": "B4"},
        ],
    )
    outcome = run_import(warehouse, path, UPDATE)
    assert outcome.states == {"different": 2, "unchanged": 2}
    assert (outcome.written, outcome.found, outcome.verified) == (2, 4, True)
    found = [accounts.get(warehouse, f"B{n}") for n in (1, 2, 3, 4)]
    assert [(a.team, a.business_area, a.vp, a.admin) for a in found] == [
        ("New", "Finance", "Vera", "Ada"),
        ("Old", "Finance", None, "Ada"),
        ("Old", "Finance", "Vera", "Ada"),
        ("Old", "Finance", "Vera", "Ada"),
    ]


@pytest.mark.parametrize("on_conflict", [SKIP, UPDATE])
def test_a_row_that_others_changed_after_the_write_is_theirs(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_conflict: str
) -> None:
    path = write(tmp_path / "state.json", [{"bsnid": "B1", "team": "T"}, {"bsnid": "B2"}])
    take = upsert.upsert

    def upsert_after_somebody_else(wh: Warehouse, *args: object, **options: bool) -> int:
        written = take(wh, *args, **options)
        accounts.update(wh, "B1", {"team": "Other"}, accounts.get(wh, "B1").updated_at)
        accounts.update(wh, "B2", {"team": "Unspoken of"}, accounts.get(wh, "B2").updated_at)
        return written

    monkeypatch.setattr(upsert, "upsert", upsert_after_somebody_else)
    outcome = run_import(warehouse, path, on_conflict)
    # The file has no value for B2's team.
    assert (outcome.found, outcome.verified) == (1, True)
    assert outcome.states["changed meanwhile"] == 1
    accounts.update(warehouse, "B1", {"team": "T"}, accounts.get(warehouse, "B1").updated_at)
    monkeypatch.undo()
    assert run_import(warehouse, path, on_conflict).verified
