"""Findings of one kind are one line, with their number and the first ten places."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm.importing import findings as module
from crm.importing.findings import NOTED, REFUSED, Findings, Place

from .using import read


def test_the_report_of_many_rows_fits_on_one_screen(tmp_path: Path) -> None:
    rows = []
    for n in range(10_000):
        key = "" if n % 200 == 0 else f"B{n:05}"
        status = f"Odd {n}" if n % 250 == 0 else "Active"
        date = f"{n}.x" if n % 500 == 0 else "2026-07-08"
        rows.append(f"c{n},{key},P{n},{status},{date}\n")
    path = tmp_path / "use_cases.csv"
    path.write_text("id,bsnid,problem,status,created_at\n" + "".join(rows))
    _, findings = read(path)
    kinds = [str(kind) for kind in findings.kinds_by_weight()]
    assert len(kinds) < 10
    where = "use_cases.csv, Account, rows 2, 202, 402, 602, 802, 1002, 1202, 1402, 1602, 1802"
    assert kinds[0] == f"refused, 50 times: {where}, …: Account is missing"
    assert sum(kind.count for kind in findings.kinds.values()) == sum(findings.counts.values())


@pytest.mark.parametrize(
    ("reasons", "kinds"),
    [
        (["“a” is not a date", "“b c” is not a date"], 1),
        (["its account B1 does not exist", "its account GONE does not exist"], 1),
        (["repeats a.csv, row 3", "repeats a.csv, row 14"], 1),
        (["Team has 1,000 characters; at most 200 fit", "Team is missing"], 2),
    ],
)
def test_what_differs_only_in_values_is_one_kind(reasons: list[str], kinds: int) -> None:
    with Findings() as findings:
        for number, reason in enumerate(reasons):
            findings.add(NOTED, "accounts", Place("a.csv", "", str(number)), reason)
        assert len(findings.kinds) == kinds
        # Another column, file or outcome is another kind.
        findings.add(NOTED, "accounts", Place("a.csv", "", "9"), reasons[0], "team")
        findings.add(NOTED, "accounts", Place("b.csv", "", "9"), reasons[0])
        findings.add(REFUSED, "accounts", Place("a.csv", "", "9"), reasons[0])
        assert len(findings.kinds) == kinds + 3
        assert findings.kinds_by_weight()[0].first.outcome == REFUSED


def test_kinds_beyond_the_limit_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KINDS", 2)
    with Findings() as findings:
        for word in ("one", "two", "three", "two"):
            findings.add(NOTED, "accounts", Place("a.csv", "", "1"), word)
    assert [kind.count for kind in findings.kinds_by_weight()] == [2, 1]
    assert findings.count(NOTED) == 4
