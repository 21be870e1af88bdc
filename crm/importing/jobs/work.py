"""The work of a job's thread: preview an uploaded file, or import it.

Both report their progress, stop when asked to, and return the facts that the job's page shows.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from crm.importing import importer
from crm.importing.chunks import Chunk
from crm.importing.doubts import Doubts
from crm.importing.errors import ImportingError, Stopped
from crm.importing.findings import REFUSED, Findings
from crm.importing.importer import UPDATE, Options
from crm.importing.planning import MEANWHILE
from crm.importing.refused import files as refused
from crm.importing.results import TableResult
from crm.model.schema import Table
from crm.repository import operations
from crm.repository.bulk import undone
from crm.repository.operations import Operation
from crm.repository.past import restore_tables, revert_bulk
from crm.repository.transfer import upsert
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED
from crm.warehouse import Warehouse
from crm.warehouse.errors import SignInAgain, WarehouseError

from .preview import Preview

log = logging.getLogger(__name__)

# Kinds of findings that the page lists; the report has every finding.
LISTED = 200


SIGN_IN_ENDED = (
    "Your sign-in to Databricks ended before this was done. Continue with your new sign-in."
)


def failed(error: ImportingError | WarehouseError) -> dict[str, Any]:
    """Return why the work ended early, and whether it can simply continue.

    Its thread has the token of the request that started it, and no way to a newer one.
    """
    if isinstance(error, SignInAgain):
        return {"error": SIGN_IN_ENDED, "stopped": True}
    return {"error": str(error), "stopped": isinstance(error, Stopped)}


class ReportProgress(Protocol):
    """Adds these values to the job's state."""

    def __call__(self, **changes: Any) -> None: ...


ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class Upload:
    """An uploaded file, how to import it, and where its report and its refused rows are
    written. The operations of its import begin with a mark of ``id``."""

    id: str
    file: Path
    options: Options
    report: Path
    refused: Path


@dataclass(frozen=True)
class Attempts:
    """The records of earlier attempts to import the same file.

    ``before``: the tables' versions before the first attempt, None if this is the first, or if
    row filters or masks keep them from being read.
    ``wrote``: by the id of each attempt's operation, the rows that it wrote, by table name.
    """

    before: revert_bulk.Versions | None = None
    wrote: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def preview(
    wh: Warehouse, upload: Upload, report_progress: ReportProgress, should_stop: ShouldStop
) -> dict[str, Any]:
    """Read the whole file and compare it with the warehouse, writing nothing."""
    shown, doubts = Preview(wh), Doubts(wh)

    def watch(table: Table, chunk: Chunk, states: list[str]) -> None:
        shown.watch(table, chunk, states)
        doubts.watch(table, chunk, states)
        report_progress(rows=shown.rows)

    options = replace(upload.options, dry_run=True, since="")
    since = upsert.moment(wh) if options.on_conflict == UPDATE else ""
    with Findings(upload.report) as findings:
        results = importer.run(wh, upload.file, options, findings, watch, should_stop)
    _give_back_refused(upload, findings)
    tables = [
        _table(result, findings)
        | {"samples": {state: shown.samples(result.table, state) for state in (NEW, DIFFERENT)}}
        for result in results
    ]
    found = {"doubts": doubts.found(results, findings), **_listed(upload, findings)}
    return {"tables": tables, "total": shown.rows, "since": since, **found}


def import_file(
    wh: Warehouse,
    upload: Upload,
    earlier: Attempts,
    report_progress: ReportProgress,
    should_stop: ShouldStop,
) -> dict[str, Any]:
    """Import the file. A later attempt continues the counts of the earlier ones, and undoing it
    undoes them, too, except for those that were undone in the activity."""
    before = earlier.before or restore_tables.readable_versions(wh)
    standing = _standing(wh, earlier)
    wrote_earlier = sum(map(Counter[str], standing.values()), Counter[str]())
    wrote = Counter[str]()
    written_states = (NEW, DIFFERENT) if upload.options.on_conflict == UPDATE else (NEW,)
    operation = operations.of_many(wh, operations.IMPORT, upload.id)
    done = 0

    def watch(table: Table, chunk: Chunk, states: list[str]) -> None:
        nonlocal done
        done += len(states)
        wrote[table.name] += sum(state in written_states for state in states)
        report_progress(rows=done, wrote={**standing, operation.id: wrote})

    report_progress(before=before, versions=None, wrote={**standing, operation.id: wrote})
    with Findings(upload.report) as findings:
        try:
            results = importer.run(
                wh, upload.file, upload.options, findings, watch, should_stop, operation
            )
        except WarehouseError:
            report_progress(**_listed(upload, findings))
            raise
        except Exception:
            report_progress(**_listed(upload, findings), **_versions(wh, before))
            raise
    _give_back_refused(upload, findings)
    tables = [_table(result, findings, wrote_earlier) for result in results]
    return {"tables": tables, **_listed(upload, findings), **_versions(wh, before)}


def _standing(wh: Warehouse, earlier: Attempts) -> dict[str, Mapping[str, int]]:
    """Return what earlier attempts wrote, without those that were undone."""
    attempt = Operation("", operations.IMPORT, wh.actor)
    return {
        id: rows
        for id, rows in earlier.wrote.items()
        if not undone.was_undone(wh, attempt.resume(id), earlier.before)
    }


def _give_back_refused(upload: Upload, findings: Findings) -> None:
    """Write the refused rows to a file. Without it, the page only lacks the link to it."""
    upload.refused.unlink(missing_ok=True)
    try:
        refused.write(upload.file, upload.options.mapping, findings, upload.refused)
    except Exception:
        log.exception("the refused rows of %s were not written", upload.file.name)


def _versions(wh: Warehouse, before: revert_bulk.Versions | None) -> dict[str, Any]:
    """Return the versions before and after the import. If they cannot be read, the page only lacks
    its undo button."""
    with suppress(WarehouseError):
        return {"versions": before and [before, revert_bulk.current_versions(wh)]}
    return {"versions": None}


def _table(
    result: TableResult,
    findings: Findings,
    wrote_earlier: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any]:
    name = result.table.name
    return {
        "name": name,
        "singular": result.table.singular,
        "plural": result.table.plural,
        "new": result.states[NEW],
        "different": result.states[DIFFERENT],
        "unchanged": result.states[UNCHANGED],
        "refused": findings.count(REFUSED, name),
        "stale": result.stale,
        "meanwhile": result.states[MEANWHILE],
        "cleared": result.cleared,
        "conflicts": [
            {"field": f"{name}.{column}", "label": result.table.column(column).label, "rows": n}
            for column, n in result.conflicts.items()
        ],
        "written": result.written + wrote_earlier.get(name, 0),
        "checked": result.checked,
        "found": result.found,
        "verified": result.verified,
        "verdict": result.verdict,
    }


def _listed(upload: Upload, findings: Findings) -> dict[str, Any]:
    """Return the kinds of findings that the page lists, and how many findings there are."""
    # The uploaded file's name is the page's title.
    name = f"{upload.file.name}, "
    return {
        "findings": [
            {"outcome": kind.first.outcome, "place": kind.where.removeprefix(name)}
            | {"reason": kind.first.reason, "count": kind.count}
            for kind in findings.kinds_by_weight()[:LISTED]
        ],
        "found": sum(findings.counts.values()),
        "refused": findings.count(REFUSED),
        "lost": [
            {"place": place, "columns": sorted(columns.items(), key=lambda each: -each[1])}
            for place, columns in findings.lost.items()
        ],
    }
