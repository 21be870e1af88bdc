"""The benches run, and docs/performance.md has a place for each of their tables."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from bench._files import Files, count, unexplained
from bench._goals import table as goals
from bench._report import BEGIN, END, Table, shown, write
from bench.pages import Cost, page_tables
from bench.postgres.compare import exchanges
from bench.soak import HEAD, growth

from .conftest import BASE_DIR
from .sizes import only_soak

DOCUMENT = BASE_DIR / "docs" / "performance.md"
PLACES = re.compile(r"<!-- bench: (\w+) -->")


def test_a_table_is_put_into_its_place_and_no_other(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    places = [f"{BEGIN.format(name=name)}\nold {name}\n{END}" for name in ("pages", "users")]
    document.write_text("Before\n{}\nbetween\n{}\nafter\n".format(*places))
    write([Table("users", "Note.", ["page", "ms"], [["/", 1234.5], ["/x", None]])], document)
    assert document.read_text() == (
        "Before\n<!-- bench: pages -->\nold pages\n<!-- end -->\nbetween\n<!-- bench: users -->\n"
        "Note.\n\n| page | ms |\n| --- | ---: |\n| / | 1,234 |\n| /x | – |\n<!-- end -->\nafter\n"
    )
    with pytest.raises(ValueError, match="no place for the table live"):
        write([Table("live", "Note.", ["page"])], document)


def test_each_row_of_a_table_is_as_wide_as_its_head() -> None:
    for name, table in re.findall(
        r"<!-- bench: (\w+) -->\n(.*?)<!-- end -->", DOCUMENT.read_text(), re.DOTALL
    ):
        rows = [line.count(" | ") for line in table.splitlines() if line.startswith("| ")]
        assert len(set(rows)) == 1, name


def test_numbers_have_three_digits() -> None:
    assert [shown(value) for value in (0.123456, 12.345, 1234.5, 20_000, None, "x")] == [
        "0.123",
        "12.3",
        "1,234",
        "20,000",
        "–",
        "x",
    ]


def test_a_page_that_failed_or_was_not_measured_has_no_cost() -> None:
    cost, failed = Cost(200, 10, 2, 3, 4, 5, 1, 3), Cost(504, 0, 0, 20, 0, 0, 0)
    found = {1: {"a": cost, "b": cost, "c": cost}, 2: {"a": replace(cost, engine=15), "b": failed}}
    _, growth, cached, detail = page_tables((1, 2), found)
    assert cached.rows[0] == ["a", None, None]
    assert growth.rows == [
        ["a", 10, 15, "1.5 ×"],
        ["b", 10, "answers 504", None],
        ["c", 10, None, None],
    ]
    assert [row[2] for row in detail.rows] == [2, None, None]


def test_goals_say_whether_they_are_met() -> None:
    few = {page: Cost(200, 10, 2, 3, 4, 5, 1, 3) for page in ("accounts", "updates", "activity")}
    many = few | {"accounts": Cost(200, 31, 12, 3, 4, 5, 1, 3)}
    rows = {(goal, page): [measured, met] for goal, page, measured, met in goals(few, many).rows}
    assert rows["its engine CPU grows to ≤ 3 ×", "accounts"] == ["3.1 ×", "no"]
    assert rows["its engine CPU grows to ≤ 5 ×", "updates"] == ["1.0 ×", "yes"]
    assert rows["its engine CPU grows to ≤ 5 ×", "overview"] == [None, None]
    assert rows["with the fewest accounts ≤ 2 × their list", "activity"] == ["1.0 ×", "yes"]
    assert rows["≤ 10 ms of the app's CPU", "all but accounts"] == ["2–12", "no"]
    assert rows["≤ 20 kB on the wire", "all"] == ["5–5", "yes"]


def test_what_reads_with_the_orm_has_the_parameters_of_ours() -> None:
    for module, name, theirs in exchanges():
        ours = inspect.signature(getattr(module, name)).parameters
        assert list(ours) == list(inspect.signature(theirs).parameters), (module.__name__, name)


def test_a_soak_distinguishes_growth_from_noise() -> None:
    """It looks at the last two thirds only, and at medians."""
    flat = [[number, *[50 + 5 * (number % 3)] * (len(HEAD) - 1)] for number in range(30)]
    starting = [[number, *[8 * number] * (len(HEAD) - 1)] for number in range(10)]
    assert list(growth(flat)) == list(growth([*starting, *flat[10:]])) == []
    leaking = [[number, *row[1:]] for number, row in enumerate(flat)]
    for row in leaking:
        row[HEAD.index("app, handles")] += 4 * row[0]
    assert [each.partition(" grew")[0] for each in growth(leaking)] == ["app, handles"]
    # Of a short run nobody can tell: caches fill.
    assert list(growth([[row[0] / 10, *row[1:]] for row in leaking])) == []
    for slow in ("app, MB", "CPU ms of a statement"):
        filling = [[row[0] / 2, *row[1:]] for row in flat]
        for row in filling:
            row[HEAD.index(slow)] += 40 * row[0]
        assert list(growth(filling)) == []
        long = [[4 * row[0], *row[1:]] for row in filling]
        assert [each.partition(" grew")[0] for each in growth(long)] == [slow]


def test_a_soak_has_limits_for_what_goes_up_and_down() -> None:
    """History may grow: its files stay for as long as the tables say."""
    for name in ("engines, MB", "live files", "log files", "other files", "history files"):
        rows = [[number / 10, *[50] * (len(HEAD) - 1)] for number in range(30)]
        rows[7][HEAD.index(name)] = 6000
        wrong = [] if name == "history files" else [name]
        assert [each.partition(" rose")[0] for each in growth(rows)] == wrong


def test_a_soak_knows_what_the_files_are_for(tmp_path: Path) -> None:
    one, two = tmp_path / "tables" / "one", tmp_path / "tables" / "two"
    for n in range(4):
        write_deltalake(one, pa.table({"n": [n]}), mode="append")
        write_deltalake(two, pa.table({"n": [n]}), mode="overwrite")
    DeltaTable(one).optimize.compact()
    (tmp_path / "catalog.json").touch()
    assert count(tmp_path) == Files(live=1, log=5, history=4 + 3, others=1)
    assert unexplained(tmp_path) == []
    (two / "left.parquet").touch()
    assert unexplained(tmp_path) == ["two/left.parquet"]


@only_soak
@pytest.mark.timeout(600)
def test_all_benches_run_and_each_table_has_its_place() -> None:
    command = [sys.executable, "-m", "bench", "--sizes", "50", "--minutes", "0.3"]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    printed = PLACES.findall(done.stdout)
    by_itself = {"soak"}
    assert sorted(printed) == sorted(set(PLACES.findall(DOCUMENT.read_text())) - by_itself)
    assert len(re.findall(r"^\| ", done.stdout, re.MULTILINE)) > 60
