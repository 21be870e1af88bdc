"""What a job's thread does: look through the file, and take it in. Either answers with what is to
be noted of it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crm.importing import importer
from crm.importing.chunks import Chunk
from crm.importing.findings import REFUSED, Findings, Place
from crm.importing.importer import UPDATE, Outcome
from crm.importing.preview import Preview
from crm.model.schema import Table
from crm.repository.past import revert_bulk
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

if TYPE_CHECKING:
    from .job import Job

LISTED = 200


def look(job: Job, wh: Warehouse) -> dict[str, Any]:
    preview = Preview(wh)

    def watch(table: Table, chunk: Chunk, states: list[str]) -> None:
        preview.watch(table, chunk, states)
        job.write(rows=preview.rows)

    options = replace(job.options, dry_run=True)
    with Findings(job.report) as findings:
        outcomes = importer.run(wh, job.file, options, findings, watch, job.stop_if_asked)
    tables = [
        _table(outcome, findings)
        | {"samples": {state: preview.samples(outcome.table, state) for state in (NEW, DIFFERENT)}}
        for outcome in outcomes
    ]
    return {"tables": tables, "total": preview.rows, **_told(job, findings)}


def take_in(job: Job, wh: Warehouse) -> dict[str, Any]:
    """A second attempt goes on with what the first has noted: what is undone is all of it."""
    before = job.state.get("before") or revert_bulk.current_versions(wh)
    wrote = Counter(job.state.get("wrote"))
    earlier = wrote.copy()
    wanted = (NEW, DIFFERENT) if job.options.on_conflict == UPDATE else (NEW,)
    done = 0

    def watch(table: Table, chunk: Chunk, states: list[str]) -> None:
        nonlocal done
        done += len(states)
        wrote[table.name] += sum(state in wanted for state in states)
        job.write(rows=done, wrote=wrote)

    job.write(before=before, versions=None, wrote=wrote, attempts=job.state.get("attempts", 0) + 1)
    with Findings(job.report) as findings:
        try:
            outcomes = importer.run(wh, job.file, job.options, findings, watch, job.stop_if_asked)
        except WarehouseError:
            job.write(**_told(job, findings))
            raise
        except Exception:
            job.write(**_told(job, findings), **_versions(wh, before))
            raise
    tables = [_table(outcome, findings, earlier) for outcome in outcomes]
    return {"tables": tables, **_told(job, findings), **_versions(wh, before)}


def _versions(wh: Warehouse, before: revert_bulk.Versions) -> dict[str, Any]:
    """Between these it happened; without them it is only not offered to be undone."""
    with suppress(WarehouseError):
        return {"versions": [before, revert_bulk.current_versions(wh)]}
    return {"versions": None}


def _table(
    outcome: Outcome, findings: Findings, earlier: Counter[str] | None = None
) -> dict[str, Any]:
    name = outcome.table.name
    return {
        "name": name,
        "plural": outcome.table.plural,
        "new": outcome.states[NEW],
        "different": outcome.states[DIFFERENT],
        "unchanged": outcome.states[UNCHANGED],
        "refused": findings.count(REFUSED, name),
        "written": outcome.written + (earlier or {}).get(name, 0),
        "checked": outcome.checked,
        "found": outcome.found,
        "verified": outcome.verified,
        "verdict": outcome.verdict,
    }


def _told(job: Job, findings: Findings) -> dict[str, Any]:
    return {
        "findings": [
            {"outcome": each.outcome, "place": _shown(each.place, job)}
            | {"column": each.column, "reason": each.reason}
            for each in findings.by_weight()[:LISTED]
        ],
        "found": sum(findings.counts.values()),
        "refused": findings.count(REFUSED),
    }


def _shown(place: Place, job: Job) -> str:
    """Without the file's name, where that is the one that the page is about."""
    return str(place).removeprefix(f"{job.state['name']}, ")
