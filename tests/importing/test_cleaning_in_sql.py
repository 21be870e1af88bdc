"""Copying tables cleans values in SQL, importing files in Python: the results are the same."""

from __future__ import annotations

import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from crm.importing import owners, sources
from crm.importing.findings import REFUSED, Findings, Place
from crm.importing.reader import Reader
from crm.model import vocabulary
from crm.model.schema import ACCOUNTS, CHILDREN, PLATFORMS_STATUS, TABLES, UPDATES, Table
from crm.repository import _sql
from crm.repository.transfer._clean import Origin, clean_rows, refused_column, word_params
from crm.repository.transfer.matching.fold import DIFFERENCES, PARAMETERS, fold, folded
from crm.warehouse import Warehouse

from ..conftest import BASE_DIR

ROWS = 120
BLANKS = (" ", "  ", "\t", "\u00a0", "\u2003", "\u3000", "\x1f", "\u2028", "\x0b", "\x85")
BREAKS = ("\n", "\r\n", "\r", " \n ", "\n\n\n")
WORDS = (
    *("Claims", "R&D", "O'Brien", "a\\b", 'say "x"', "100%_", "שלום", "🧱🔥", "é", "e\u0301"),
    *("'; DROP TABLE accounts; --", ":rows", "${x}", "{accounts}", "`t`", "\\n", "NULL", "<b>"),
)
MISSING = (
    "NULL",
    "n/a",
    "NaN",
    "nan",
    "None",
    "none",
    "-",
    "–",
    "?",
    "<NA>",
    "[]",
    "\u200bnull",
    "\\N",
    "[NULL]",
)
LIKE_WORDS = ("in_progress", "Power-Platform", "ON HOLD", "self\u2011service", "COM\u00adPLETED")
LINKS = (
    *("https://a.example/x,y", "http://b.example/;z", "HTTPS://C.example", "wiki", "https://"),
    *("https://a.example/x,y", "https://d.example/?q=1&r=2", "ftp://e.example"),
)
BETWEEN_LINKS = (",", ";", " , ", "; ", " ", "\n", "\r\n", ",\u00a0\n", ",,", " ;\t", "\n,\n")
DAYS = ("2025-06-27", "2024-02-29", "2025-06-27 14:03:11.123456", "2025-06-27T10:00:00")
NO_DAYS = ("soon", "2025-02-30", "27.06.2025", "2025", "2025-6-7", "yesterday", "2025-13-01")


class Given(Origin):
    """Rows in the statement itself, instead of a table."""

    @property
    def quoted(self) -> str:
        fields = ", ".join(f"{name}: string" for name in self.columns)
        return (
            f"(SELECT r.* FROM (SELECT EXPLODE(FROM_JSON(:rows, 'array<struct<{fields}>>')) AS r))"
        )


def text(dice: random.Random, words: tuple[str, ...], between: tuple[str, ...]) -> str:
    parts = [dice.choice(words)]
    for _ in range(dice.randrange(3)):
        parts += [dice.choice(between), dice.choice(words)]
    start, end = ("".join(dice.choices((*BLANKS, *BREAKS, ""), k=2)) for _ in range(2))
    return f"{start}{''.join(parts)}{end}"


def value(
    dice: random.Random, table: Table, name: str, number: int, *, readable: bool
) -> str | None:
    column = table.column(name)
    if column.vocabulary and dice.random() < 0.5:
        return dice.choice((*MISSING, *LIKE_WORDS, *vocabulary.words(column.vocabulary)))
    if name in table.match or name == "id":
        odds = ("", " ", ".", "..", "new", "NEW", "a/b", "a\x01b", "a\nb", "x" * 65, "\x00")
        odd = dice.choice((*odds, *MISSING, f"{table.name}\u200b-{number}"))
        return odd if dice.random() < 0.15 else f" {table.name}-{number} "
    if name == table.parent_key:
        return dice.choice(("BSN1", " BSN1\n", "", "a/b", "BSN 1", "new", "NULL", "B\u2060SN1"))
    if dice.random() < 0.15:
        is_moment = column.type in ("DATE", "TIMESTAMP")
        nothing = (None, "", "  ", "\n", "\u00a0", *MISSING)
        return dice.choice(nothing if readable and is_moment else (*nothing, "\x00"))
    if column.type in ("DATE", "TIMESTAMP"):
        day = dice.choice(DAYS if readable or dice.random() < 0.8 else NO_DAYS)
        return f"{dice.choice(('', ' '))}{day}{dice.choice(('', chr(10)))}"
    if dice.random() < 0.05:
        return "x" * (column.max_length + (0 if readable else dice.randrange(2)))
    if column.kind == "links":
        return text(dice, LINKS, BETWEEN_LINKS)
    return text(dice, WORDS, (*BLANKS, *BREAKS, "\x00", ", "))


def generated(table: Table, *, readable: bool) -> list[dict[str, str | None]]:
    dice = random.Random(table.name)
    names = [name for name in table.names if not name.endswith("_by")]
    rows = [
        {name: value(dice, table, name, n, readable=readable) for name in names}
        for n in range(ROWS)
    ]
    if table is not ACCOUNTS:
        for row in rows[::3]:
            row["id"] = None
    return rows


def in_python(table: Table, rows: list[dict[str, str | None]], folder: Path) -> dict[int, Any]:
    """Return the cleaned rows by number, without refused ones."""
    found: dict[int, Any] = {}
    for number, row in enumerate(rows):
        path = folder / f"{number}.json"
        path.write_text(json.dumps({table.name: [row]}))
        with sources.opened(path) as source, Findings() as findings:
            for _, clean, _ in Reader(source, findings).rows(table):
                # The planner refuses what is no BSNID, once it is no team's name either.
                if table is not ACCOUNTS and owners.problem(table, clean[table.owner]):
                    findings.add(REFUSED, table.name, Place(""), "no BSNID")
                else:
                    found[number] = {name: clean[name] for name in table.own_names}
        assert (number in found) == (findings.count(REFUSED) == 0)
    return found


def in_sql(wh: Warehouse, table: Table, rows: list[dict[str, str | None]]) -> dict[int, Any]:
    columns = {name: (name, "STRING") for name in rows[0]}
    # The number is in the column author, which cleaning does not change.
    origin = Given(wh.namespace, "", columns | {"created_by": ("created_by", "STRING")})
    numbered = [row | {"created_by": str(number)} for number, row in enumerate(rows)]
    sql = "SELECT *, {refused} AS refused FROM ({rows}) AS c"
    parts = {"refused": refused_column(table), "rows": clean_rows(table, origin)}
    params = {"rows": json.dumps(numbered), **word_params(table)}
    found = wh.query(_sql.render(wh.namespace, sql, **parts), params)
    assert len(found) == len(rows)
    return {
        int(row["created_by"]): {
            name: None if row[name] is None else str(row[name]) for name in table.own_names
        }
        for row in found
        if row["refused"] is None
    }


def test_only_a_key_costs_a_row(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = generated(UPDATES, readable=False)
    python, sql = in_python(UPDATES, rows, tmp_path), in_sql(warehouse, UPDATES, rows)
    assert python.keys() == sql.keys()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_sql_cleans_as_python_does(
    warehouse: Warehouse, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Known words that are alike do not become each other.
    alike = [*vocabulary.platforms(), "databricks"]
    monkeypatch.setattr(vocabulary, "platforms", lambda: tuple(alike))
    rows = generated(table, readable=True)
    python, sql = in_python(table, rows, tmp_path), in_sql(warehouse, table, rows)
    refused = {number: rows[number] for number in python.keys() ^ sql.keys()}
    assert not refused, f"refused by {'SQL' if refused.keys() & python.keys() else 'Python'} only"
    different = {
        (name, rows[number][name]): (python[number][name], sql[number][name])
        for number in python
        for name in table.own_names
        if python[number][name] != sql[number][name]
    }
    assert not different
    assert len(python) > ROWS / 4
    assert len(python) < ROWS
    assert table not in CHILDREN or any(row["id"] is None for row in rows)
    assert table is not PLATFORMS_STATUS or any("-5" in row["id"] for row in python.values())


def test_sql_folds_as_python_does(warehouse: Warehouse) -> None:
    """What a person would call the same text is the same key, in both."""
    dice = random.Random("fold")
    letters = [
        "Ä",
        "é",
        "Ñ",
        "ΐ",
        "Й",
        "İ",
        "ß",
        "Σ",
        "ς",
        "が",
        "א",
        "x",
        "’",
        "–",
        "\u200b",
        "7",
    ]
    texts = [
        unicodedata.normalize(
            dice.choice(("NFC", "NFD")), "".join(dice.choices((*letters, *BLANKS), k=9))
        )
        for _ in range(300)
    ]
    same = ("Étude  d’été", "e\u0301tude\u00a0d'e\u0301te\u0301 ", "ÉTUDE D\u2019ÉTÉ\u200b")
    assert len({fold(text) for text in same}) == 1
    assert len({fold(text) for text in ("Pena", "Peña", "Höra", "Hora", "かい", "がい")}) == 6
    sql = (
        "SELECT n, {folded} AS folded FROM (SELECT POSEXPLODE({given}) AS (n, t)) AS g ORDER BY n"
    )
    given, params = _sql.text_array("texts", [*texts, *same])
    text = _sql.fill(sql, folded=folded("t"), given=given)
    rows = warehouse.query(text, params | PARAMETERS)
    found = dict(zip([*texts, *same], (row["folded"] for row in rows), strict=True))
    assert found == {text: fold(text) for text in found}


def what_fold_ignores(char: str) -> str:
    """Return what a person calls the difference between this character and its folded form."""
    kinds = {" ": "blanks", "'": "quotation marks", '"': "quotation marks", "-": "hyphens"}
    for plain, kind in kinds.items():
        if char != plain and fold(f"a{char}b") == fold(f"a{plain}b"):
            return kind
    if fold(f"a{char}b") == fold("ab"):
        return "invisible characters"
    decomposed = unicodedata.normalize("NFD", char)
    if decomposed != char and fold(char) == fold(decomposed):
        return "the form of accents"
    swapped = char.swapcase()
    return "case" if swapped != char and fold(swapped) == fold(char) else ""


def test_the_sentences_name_all_that_fold_ignores() -> None:
    named = set(DIFFERENCES.replace(" or ", ", ").split(", "))
    assert {what_fold_ignores(chr(n)) for n in range(0x3100)} - {""} == named
    docs = " ".join((BASE_DIR / "docs/import-export.md").read_text().split())
    assert docs.count(f"only in {DIFFERENCES}") == 2


@pytest.mark.parametrize("text", ["2025-06-27 25:00", "2025-06-27 and more", "2025-06-31"])
def test_a_day_with_an_impossible_time_is_no_day(warehouse: Warehouse, text: str) -> None:
    rows = [{"id": f"u{n}", "account_bsnid": "B1", "date": day} for n, day in enumerate(DAYS)]
    found = in_sql(warehouse, UPDATES, [*rows, {"id": "u", "account_bsnid": "B1", "date": text}])
    assert [found[n]["date"] for n in range(len(DAYS))] == [day[:10] for day in DAYS]
    assert found.get(len(DAYS), {}).get("date") is None
