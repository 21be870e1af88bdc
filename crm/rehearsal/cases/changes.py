"""Every operation that writes rows: of one record, of many, imports, repairs, and their undo."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from crm.importing import copy_tables, importer
from crm.importing.findings import Findings
from crm.importing.importer import UPDATE, Options
from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, TABLES, UPDATES
from crm.repository import atomic, ddl, operations
from crm.repository.bulk import change, deletion
from crm.repository.bulk.actions import Action, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.selection import Selection
from crm.repository.integrity import checks, repairs
from crm.repository.merge import merging, pair
from crm.repository.merge.merging import Choice
from crm.repository.operations import Operation
from crm.repository.past import revert_bulk, revert_record
from crm.repository.past.revert_bulk import Reverted
from crm.repository.records import (
    accounts,
    composer,
    digests,
    mine,
    platforms,
    saved_views,
    updates,
    use_cases,
)
from crm.repository.records.composer import NewStatus
from crm.repository.records.saved_views import SavedView
from crm.repository.tables import scratch
from crm.repository.transfer import import_mappings
from crm.warehouse import Warehouse

from .stage import Case, Stage, today

KEY = "REHEARSAL-1"
USE_CASE, UPDATE_ID = (str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in ("use-case", "note"))
STATUS = "Requested"


def _create(stage: Stage) -> str:
    wh = stage.wh
    values = {"bsnid": KEY, "team": "Rehearsal", "business_area": "Finance"}
    seen = [
        accounts.create(wh, values, "form-1"),
        use_cases.create(wh, KEY, USE_CASE, {"problem": "P", "status": "Active"}, "because"),
        updates.create(wh, KEY, UPDATE_ID, {"description": "D", "date": today()}),
        platforms.set_status(wh, KEY, "Databricks", STATUS, None, "because") is not None,
    ]
    return f"seen {seen}"


def _edit(stage: Stage) -> str:
    wh = stage.wh
    before = revert_bulk.current_versions(wh)
    account, case = accounts.get(wh, KEY), use_cases.get(wh, USE_CASE)
    note = updates.get(wh, UPDATE_ID)
    assert account
    assert case
    assert note
    accounts.update(wh, KEY, {"team": "Renamed"}, account.updated_at)
    use_cases.update(wh, USE_CASE, {"status": "On Hold"}, case.updated_at, "paused")
    updates.update(wh, UPDATE_ID, {"description": "E"}, note.value("updated_at"))
    (row,) = platforms.list_for(wh, KEY)
    platforms.set_status(wh, KEY, "Databricks", "Completed", row.updated_at)
    after = revert_bulk.current_versions(wh)
    stage.facts["version"] = after[ACCOUNTS.name]
    return f"new versions: {all(after[name] > before[name] for name in before)}"


def _compose(stage: Stage) -> str:
    new = NewStatus("Snowflake", STATUS, None, "because")
    id = str(uuid.uuid4())
    return f"seen {composer.add_update(stage.wh, KEY, id, {'description': 'F'}, new)}"


def _revert(stage: Stage) -> str:
    wh = stage.wh
    found = revert_record.load(wh, ACCOUNTS, KEY, stage.facts["version"])
    assert found
    revert_record.revert_fields(wh, found, ["team"], found.updated_at)
    account = accounts.get(wh, KEY)
    return f"team as before: {account is not None and account.team == 'Rehearsal'}"


def _delete(stage: Stage) -> str:
    updates.delete(stage.wh, UPDATE_ID)
    return _delete_account(stage.wh)


def _delete_account(wh: Warehouse) -> str:
    accounts.delete(wh, KEY)
    version = revert_record.latest_deletion(wh, ACCOUNTS, KEY)
    assert version
    found = revert_record.load(wh, ACCOUNTS, KEY, version)
    assert found
    back = revert_record.revert_deletion(wh, found)
    return f"back {sorted((table.name, count) for table, count in back.items())}"


def _settings(stage: Stage) -> str:
    wh, me = stage.wh, "me@example.com"
    mine.set_names(wh, me, ["Me"])
    mine.follow(wh, me, KEY)
    profile = mine.load(wh, me)
    mine.unfollow(wh, me, KEY)
    import_mappings.keep(wh, {"headings": "{}"})
    kept = import_mappings.read(wh, ["headings"])
    return f"{len(profile.accounts)} followed, {len(kept)} mappings"


def _digests(stage: Stage) -> str:
    wh, me, period = stage.wh, "me@example.com", "2026-W48"
    digests.choose(wh, me, digests.WEEKLY)
    claimed = [digests.claim(wh, me, period, run) for run in ("1", "2")]
    digests.note(wh, me, "1", digests.SENT, dt.datetime(2026, 11, 27, tzinfo=dt.UTC))
    states = [each.state for each in digests.recipients(wh, "chat")]
    return f"claimed {claimed}, states {states}, {digests.choice(wh, me).every}"


def _saved_views(stage: Stage) -> str:
    wh, me = stage.wh, "me@example.com"
    view = SavedView("v1", me, "accounts", "Mine", "mine=on")
    saved_views.create(wh, view)
    saved_views.set_default(wh, me, "accounts", "v1")
    seen = saved_views.get(wh, "v1", me)
    assert seen
    saved_views.update(wh, replace(view, is_shared=True), me, seen.updated_at)
    found, first = saved_views.find(wh, me), saved_views.defaults(wh, me)
    saved_views.delete(wh, "v1")
    return f"{len(found)} views, first {sorted(first)}"


def _bulk(stage: Stage) -> str:
    wh = stage.wh
    chosen = Selection(Listing(), ("BSN001", "BSN002", "BSN003"))
    actions: tuple[Action, ...] = (
        SetField("admin", "Somebody"),
        SetStatus("Databricks", "On Hold", "because"),
        WriteUpdate({"author": "A", "description": "Written to each", "date": today()}),
    )
    written = []
    for action in actions:
        planned = change.preview(wh, chosen, action)
        operation = operations.of_many(wh, operations.BULK)
        written.append(change.write(wh, operation, action, planned.changes).written)
    return f"written {written}"


def _delete_many(stage: Stage) -> str:
    wh = stage.wh
    before = revert_bulk.current_versions(wh)
    planned = change.preview(wh, Selection(Listing(), ("BSN004", "BSN005")), Delete(ACCOUNTS))
    operation = operations.of_many(wh, operations.BULK)
    outcome = deletion.delete(wh, operation, planned.changes)
    found = _undo(wh, operation, before)
    return f"deleted {outcome.written}, back {found.done}, left {found.total}"


def _undo(wh: Warehouse, operation: Operation, before: Mapping[str, int]) -> Reverted:
    """Undo an operation; ``before`` has the tables' versions at its beginning."""
    return revert_bulk.revert(wh, operation.id, before, revert_bulk.current_versions(wh))


def _merge(stage: Stage) -> str:
    wh = stage.wh
    before = revert_bulk.current_versions(wh)
    found = pair.load(wh, "BSN004", "BSN005")
    if found.kept is None or found.other is None:
        return "no accounts"
    statuses = {"Databricks": "Completed"}
    seen = {"Databricks": found.kept.versions.get("Databricks")}
    choice = Choice(found.kept.version, found.other.version, {"vp": "V"}, statuses, seen)
    operation = operations.of_many(wh, operations.MERGE)
    merging.merge(wh, operation, "BSN004", "BSN005", choice)
    undone = _undo(wh, operation, before)
    return f"moved {found.use_cases + found.updates}, back {undone.done}, left {undone.total}"


def _import(stage: Stage) -> str:
    wh = stage.wh
    before = revert_bulk.current_versions(wh)
    operation = operations.of_many(wh, operations.IMPORT)
    rows = [
        {"BSNID": KEY, "Team": "Imported", "Business Area": "Finance"},
        {"BSNID": "REHEARSAL-2", "Team": "New", "Business Area": "Finance"},
    ]
    with tempfile.TemporaryDirectory() as folder, Findings() as findings:
        file = Path(folder) / "accounts.json"
        file.write_text(json.dumps({"accounts": rows}))
        options = Options(on_conflict=UPDATE)
        results = importer.run(wh, file, options, findings, operation=operation)
    undone = _undo(wh, operation, before)
    written, verified = sum(r.written for r in results), all(r.verified for r in results)
    return f"written {written}, verified {verified}, undone {undone.done}"


def _copy(stage: Stage) -> str:
    """Copy tables of a schema: those of this schema itself, whose rows already exist."""
    with Findings() as findings:
        results = copy_tables.run(stage.old, stage.namespace, Options(), findings)
    return f"written {sum(result.written for result in results)}"


def _repair(stage: Stage) -> str:
    wh = stage.wh
    status = platforms.new_id(KEY, "Databricks")
    scratch.break_rules(wh, KEY, USE_CASE, status)
    found = {check.name: each.total for check, each in checks.run_checks(wh).items()}
    repaired = {c.name: repairs.repair(wh, c) for c in checks.CHECKS if c.fix and found[c.name]}
    left = sum(each.repairable for each in checks.run_checks(wh).values())
    return f"found {found}, repaired {repaired}, {left} left"


def _delete_update(stage: Stage) -> str:
    wh = stage.wh
    planned = change.preview(
        wh, Selection(Listing(q="Written to each"), table=UPDATES), Delete(UPDATES)
    )
    operation = operations.of_many(wh, operations.BULK)
    outcome = deletion.delete(wh, operation, planned.changes, of=UPDATES)
    return f"deleted {outcome.written}"


def _together(stage: Stage) -> str:
    """Run the same operations as transactions; the tables get the table feature first."""
    wh = stage.wh
    feature = dict([ddl.CATALOG_MANAGED])
    for table in TABLES:
        scratch.execute(wh, ddl.set_properties(table, feature, stage.namespace))
    atomic.forget_all()
    is_possible = atomic.probe(wh) is None
    return f"possible: {is_possible}, {_delete_account(wh)}"


CASES = (
    Case("creating records", _create, is_needed=True),
    Case("editing records", _edit),
    Case("adding an update with a status", _compose),
    Case("reverting a field", _revert),
    Case("deleting an account and bringing it back", _delete),
    Case("own settings and kept mappings", _settings),
    Case("saved views", _saved_views),
    Case("digests", _digests),
    Case("bulk changes", _bulk),
    Case("bulk deletion and its undo", _delete_many),
    Case("merging two accounts and its undo", _merge),
    Case("bulk deletion of updates", _delete_update),
    Case("import and its undo", _import),
    Case("copy of other tables", _copy),
    Case("integrity checks and repairs", _repair),
)
# This comes after all cases that run step by step.
TOGETHER = (Case("transactions of several tables", _together, is_optional=True),)
