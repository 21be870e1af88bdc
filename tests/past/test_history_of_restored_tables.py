"""RESTORE records each change as a deleted and an inserted row; the history shows one change."""

from __future__ import annotations

from crm.model.changes import CHANGED, CREATED, DELETED
from crm.model.schema import ACCOUNTS, UPDATES
from crm.repository.past import history, recent_changes, restore_tables, revert_record
from crm.repository.past.history import Wanted
from crm.repository.records import accounts, updates
from crm.warehouse import Warehouse


def edit(wh: Warehouse, bsnid: str, **values: str) -> None:
    accounts.update(wh, bsnid, values, accounts.get(wh, bsnid).updated_at)


def restored(wh: Warehouse) -> dict[str, int]:
    """B1 is changed back, B2 comes back, B3 goes; the versions before that."""
    for bsnid in ("B1", "B2"):
        accounts.create(wh, {"bsnid": bsnid, "team": "Claims"})
    version = restore_tables.latest_versions(wh)[ACCOUNTS]
    edit(wh, "B1", team="Other")
    accounts.delete(wh, "B2")
    accounts.create(wh, {"bsnid": "B3", "team": "Late"})
    before = {table.name: version for table, version in restore_tables.latest_versions(wh).items()}
    restore_tables.restore_version(wh, ACCOUNTS, version)
    return before


def test_a_restore_is_one_change_per_record(warehouse: Warehouse) -> None:
    before = restored(warehouse)
    expected = {"B1": CHANGED, "B2": CREATED, "B3": DELETED}
    found = recent_changes.changes_since(warehouse, before)
    assert sorted((each.key, each.kind) for each in found) == sorted(expected.items())
    latest = history.load(warehouse, Wanted()).changes[:3]
    assert {change.key: change.kind for change in latest} == expected
    (changed,) = (change for change in latest if change.key == "B1")
    assert {f.column.name: (f.before, f.after) for f in changed.fields} == {
        "team": ("Other", "Claims")
    }
    # Only what was deleted counts as deleted.
    assert revert_record.latest_deletion(warehouse, ACCOUNTS, "B1") is None
    assert revert_record.latest_deletion(warehouse, ACCOUNTS, "B3")


def test_what_was_deleted_twice_comes_back_once(warehouse: Warehouse) -> None:
    accounts.create(warehouse, {"bsnid": "B1", "team": "Claims"})
    updates.create(warehouse, "B1", "u1", {"author": "A", "description": "once"})
    for _ in range(2):
        accounts.delete(warehouse, "B1")
        version = revert_record.latest_deletion(warehouse, ACCOUNTS, "B1")
        then = revert_record.load(warehouse, ACCOUNTS, "B1", version)
        assert revert_record.revert_deletion(warehouse, then)[UPDATES] == 1
    name = warehouse.namespace.table(UPDATES)
    assert warehouse.query(f"SELECT COUNT(*) AS n FROM {name}")[0]["n"] == 1
