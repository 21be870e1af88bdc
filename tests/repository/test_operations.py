"""Every write carries its operation's id, whichever page or command makes it."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator

import pytest

from crm.model.schema import ACCOUNTS, CHANGE_ID, TABLES, UPDATES, Table
from crm.repository import operations
from crm.repository.integrity import checks, repairs
from crm.repository.past import revert_bulk, revert_record
from crm.repository.records import accounts, platforms, updates, use_cases
from crm.repository.tables import notes
from crm.repository.transfer import upsert
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse, now

from ..broken_rows import broken  # noqa: F401
from ..conftest import BASE_DIR

REPOSITORY = BASE_DIR / "crm" / "repository"
_WRITES = re.compile(r"\b(UPDATE\s+(\{\w+\}\s+)?SET|INSERT\s*(\n\s*)?\(|INSERT INTO)")
# Statements that write no rows of the four tables, or bring back rows with their ids: one of these
# texts is in each.
_OTHERS = {
    "operations.py": "{operations}",
    "records/digests.py": "{digests}",
    "records/mine.py": "INTO {follows}|INTO {people}",
    "records/saved_views.py": ":person",
    "past/restore_tables.py": "WHEN NOT MATCHED BY SOURCE THEN DELETE",
    "tables/backups.py": "INSERT INTO {manifest}",
    "tables/inspection.py": "INSERT INTO {table} (id) VALUES ('a')",
    "tables/scratch.py": "",  # rows as somebody makes them outside the CRM
    "transfer/import_mappings.py": "{import_mappings}",
    "transfer/insert_script.py": "INSERT INTO {table} ({columns}) VALUES",
}
_NO_ROW = "WHERE FALSE"


def templates(source: str) -> Iterator[str]:
    """Yield the constant texts that insert or update rows."""
    for node in ast.walk(ast.parse(source)):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and _WRITES.search(node.value):
            yield node.value


def without_id(name: str, source: str) -> list[str]:
    return [
        text
        for text in templates(source)
        if CHANGE_ID.name not in text
        and _NO_ROW not in text
        and not (name in _OTHERS and any(mark in text for mark in _OTHERS[name].split("|")))
    ]


def test_no_template_writes_rows_without_the_id() -> None:
    found = {
        name: without_id(name, path.read_text())
        for path in REPOSITORY.rglob("*.py")
        for name in [str(path.relative_to(REPOSITORY))]
    }
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_templates_are_found() -> None:
    found = [text for path in REPOSITORY.rglob("*.py") for text in templates(path.read_text())]
    assert len(found) >= 20
    assert without_id("x.py", 'sql = "UPDATE {table} SET a = 1"')
    assert without_id("x.py", 'sql = """\nWHEN NOT MATCHED THEN INSERT\n  (a) VALUES (1)"""')


def test_a_stamp_is_made_once() -> None:
    """A statement whose answer was lost runs twice, and a second stamp would hide the first: the
    history needs the values before it. Where nothing of a row changes, the local warehouse has no
    second change, but Databricks has."""
    is_stamp = re.compile(r"SET\s+updated_at = (NULL|CURRENT_TIMESTAMP\(\)), updated_by = :actor")
    stamps = [
        text
        for path in REPOSITORY.rglob("*.py")
        for text in templates(path.read_text())
        if is_stamp.search(text)
    ]
    assert len(stamps) == 7
    assert [s for s in stamps if not re.search(r"change_id (<=> :change_id\)|= :undone)", s)] == []


def test_only_operations_write_rows() -> None:
    """Blocks consist of operations' statements; restores of whole tables are the exception."""
    users = {
        str(path.relative_to(REPOSITORY))
        for path in REPOSITORY.rglob("*.py")
        if re.search(r"import .*\b_writing\b|_writing import", path.read_text())
    }
    assert users == {"operations.py", "atomic.py", "past/restore_tables.py"}


def test_a_statement_without_the_id_is_refused() -> None:
    operation = operations.Operation("id", operations.EDIT, "ana@example.com")
    with pytest.raises(ValueError, match="without the operation's id"):
        operations.run(None, operation, "UPDATE t SET a = 1", repeatable=True)  # type: ignore[arg-type]


def test_rows_are_counted_only_if_an_answer_may_be_lost() -> None:
    operation = operations.Operation("id", operations.IMPORT, "ana@example.com")
    # There is no warehouse, so no statement runs.
    assert operations.written_rows(None, operation, ACCOUNTS, 3, 3) == 3  # type: ignore[arg-type]


Rows = dict[tuple[Table, str, str], str | None]


def ids(wh: Warehouse) -> Rows:
    """Return the id of each row, by table, key and content."""
    found: Rows = {}
    for table in TABLES:
        rows = wh.query(f"SELECT * FROM {wh.namespace.table(table)}")
        for row in rows:
            content = {name: str(row[name]) for name in table.names}
            found[table, row[table.key], json.dumps(content)] = row["change_id"]
    return found


def written_ids(wh: Warehouse, act: Callable[[], object]) -> list[str | None]:
    """Return the ids of the rows that the act wrote, each once."""
    before = ids(wh)
    act()
    after = ids(wh)
    rows = [row for row in after if row not in before or before[row] != after[row]]
    assert rows, "nothing was written"
    return sorted({after[row] for row in rows}, key=str)


def _seen(wh: Warehouse, bsnid: str) -> object:
    return accounts.get(wh, bsnid).updated_at


def test_single_edits(warehouse: Warehouse) -> None:
    wh, all_ids = warehouse, []
    status = ("A", "Databricks", "Requested")

    def revert() -> None:
        deletion = revert_record.latest_deletion(wh, UPDATES, "d")
        revert_record.revert_deletion(wh, revert_record.load(wh, UPDATES, "d", deletion))

    for act in (
        lambda: accounts.create(wh, {"bsnid": "A", "team": "T", "vp": "V"}),
        lambda: accounts.update(wh, "A", {"team": "U"}, _seen(wh, "A")),
        lambda: platforms.set_status(wh, *status, None),
        lambda: platforms.set_status(
            wh, "A", "Databricks", "Completed", platforms.list_for(wh, "A")[0].updated_at
        ),
        lambda: use_cases.create(wh, "A", "u", {"problem": "P"}),
        lambda: use_cases.update(wh, "u", {"problem": "Q"}, use_cases.get(wh, "u").updated_at),
        lambda: updates.create(wh, "A", "d", {"description": "D"}),
        lambda: (updates.delete(wh, "d"), revert()),
        lambda: insert_missing(wh, ACCOUNTS, [{"bsnid": n, "team": n} for n in "BC"]),
    ):
        (found,) = written_ids(wh, act)
        assert re.fullmatch(r"[0-9a-f]{32}", found or "")
        all_ids.append(found)
    assert len(set(all_ids)) == len(all_ids)


def test_a_deletion_writes_its_id_before(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "A", "team": "T"})
    updates.create(warehouse, "A", "d", {"description": "D"})
    (before,) = {row for key, row in ids(warehouse).items() if key[0] is ACCOUNTS}
    updates.delete(warehouse, "d")
    accounts.delete(warehouse, "A")
    for table, key in ((ACCOUNTS, "A"), (UPDATES, "d")):
        feed = warehouse.namespace.change_feed(table, 0)
        sql = f"SELECT change_id FROM {feed} WHERE _change_type = 'delete' AND {table.key} = :key"
        (row,) = warehouse.query(sql, {"key": key})
        assert row["change_id"]
        assert row["change_id"] != before


def test_many_rows_have_one_id(warehouse: Warehouse) -> None:
    wh = warehouse
    accounts.create(wh, {"bsnid": "A", "team": "T"})
    operation = operations.new(wh, operations.IMPORT)
    cells = [[key, "New", *[None] * (len(ACCOUNTS.names) - 2)] for key in ("A", "B", "C")]
    before = revert_bulk.current_versions(wh)
    found = written_ids(
        wh, lambda: upsert.upsert(wh, ACCOUNTS, json.dumps(cells), operation, overwrite=True)
    )
    assert found == [operation.id]
    # Its answer was lost, so nobody knows how many rows it wrote.
    assert operations.written_rows(wh, operation, ACCOUNTS, 0, 3) == 3
    # The same button is pressed again, and nothing is left to do.
    for summary in ("imported 3 accounts", "imported nothing"):
        operations.note_done(wh, operation, now(), summary)
    assert notes.read_note(wh, operation.id).summary == "imported 3 accounts"
    after = revert_bulk.current_versions(wh)
    (found_id,) = written_ids(wh, lambda: revert_bulk.revert(wh, operation.id, before, after))
    assert found_id not in (None, operation.id)


def test_repairs(broken: Warehouse) -> None:  # noqa: F811
    for check in checks.CHECKS:
        if check.fix and check.name != "double-statuses":  # this one deletes
            (found,) = written_ids(broken, lambda check=check: repairs.repair(broken, check))
            assert found, check.name
