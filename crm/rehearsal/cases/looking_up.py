"""The reads of imports before they write, and the statements of check_connection."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import replace

from crm.model.records import Listing
from crm.model.schema import ACCOUNTS, UPDATES, USE_CASES
from crm.repository import operations, steps
from crm.repository.bulk import change, deletion, written
from crm.repository.bulk.actions import SetField
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.selection import Selection
from crm.repository.integrity import checks, repairs
from crm.repository.records import updates, use_cases
from crm.repository.tables import inspection, notes, privileges, scratch
from crm.repository.transfer import (
    earlier_rows,
    import_mappings,
    import_traces,
    upsert,
)
from crm.repository.transfer.matching import natural_keys, stored_teams

from .changes import KEY, USE_CASE
from .stage import Case, Stage

ANOTHER = str(uuid.uuid5(uuid.NAMESPACE_DNS, "another"))


def _look_up(stage: Stage) -> str:
    wh = stage.wh
    (note, *_) = updates.find_all(wh, Listing())
    texts = {name: str(note.value(name) or "") for name in UPDATES.names}
    rows = json.dumps([[KEY, *[None] * (len(ACCOUNTS.names) - 1)]])
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    import_mappings.keep(wh, {"others": "{}"})
    kept = import_mappings.list_kept(wh, 10)
    import_mappings.forget(wh, "others")
    import_traces.read(wh, "form")
    key = natural_keys.folded_key(UPDATES, natural_keys.natural_key(UPDATES, texts))
    found = [
        len(natural_keys.stored_ids(wh, UPDATES, [key])),
        len(stored_teams.accounts_of_teams(wh, ["rehearsal", "nobody"])),
        stored_teams.count_stored_teams(wh, ["rehearsal", "nobody"]),
        len(upsert.stored_rows(wh, ACCOUNTS, rows)),
        len(earlier_rows.earlier_rows(wh, ACCOUNTS, rows, long_ago)),
        len(kept),
    ]
    return f"found {found}"


def _try_out(stage: Stage) -> str:
    wh = stage.wh
    inspection.ping(wh)
    table = inspection.ThrowAwayTable(wh)
    table.create()
    try:
        rows = table.write()
    finally:
        table.drop()
    return f"{rows} row, may follow: {privileges.may_follow(wh)}"


def _many_together(stage: Stage) -> str:
    """Run deletions of many accounts, and repairs, as transactions."""
    wh = stage.wh
    use_cases.create(wh, KEY, ANOTHER, {"problem": "P", "status": "Active"})
    scratch.misspell(wh, ANOTHER)
    words = next(check for check in checks.CHECKS if check.name == "unknown-words")
    repaired = repairs.repair(wh, words)
    planned = change.preview(wh, Selection(Listing(), ("BSN004", "BSN005")), Delete(ACCOUNTS))
    operation = operations.of_many(wh, operations.BULK)
    outcome = deletion.delete(wh, operation, planned.changes)
    return f"repaired {repaired}, deleted {outcome.written}"


def _begin_and_go_on(stage: Stage) -> str:
    """Run an operation that notes its beginning and its end, and is continued in between."""
    wh, lead = stage.wh, SetField("leader", "Somebody", USE_CASES)
    planned = change.preview(wh, Selection(Listing(), (USE_CASE,), USE_CASES), lead)
    began = planned.moment or dt.datetime.now(dt.UTC)
    operation = replace(operations.new(wh, operations.BULK), began=began)
    operations.begin(wh, operation, "began")
    change.write(wh, operation, lead, planned.changes)
    again = operations.begin(wh, operation, "began again").summary
    operations.note_done(wh, operation, began, again, is_ended=False)
    # How many histories these read depends on the time.
    counts = written.count_written(stage.unobserved(), operation, USE_CASES, USE_CASES.key)
    deleted = written.deleted_keys(stage.unobserved(), operation, USE_CASES)
    earlier = steps.Earlier(operation.id, done=1)
    case = use_cases.get(wh, USE_CASE)
    assert case
    values, seen = {"problem": "Q"}, case.value("updated_at")
    use_cases.update(wh, USE_CASE, values, seen)
    try:
        use_cases.delete(wh, USE_CASE, earlier)
    except Exception as error:  # noqa: BLE001 - which one is the result
        result = type(error).__name__
    else:
        result = "deleted"
    operations.note_done(wh, operation, began, "ended")
    use_cases.delete(wh, USE_CASE)
    note = notes.read_note(wh, operation.id)
    return (
        f"{result}, wrote {sum(counts.values())}, not {len(deleted or ())}, noted: {note.summary}"
    )


CASES = (
    Case("what an import looks up", _look_up),
    Case("what check_connection tries", _try_out),
    Case("an operation that goes on", _begin_and_go_on),
)
# This comes after the tables have the feature for transactions.
TOGETHER = (Case("transactions of many records", _many_together, is_optional=True),)
