"""Imports that are under way: an uploaded file, what is known of it, and a thread at work.

A job lives in a folder of its own in the temporary directory, under an id that nobody can guess,
and belongs to who uploaded the file. All processes of an instance share that folder, so any of
them can answer. Instances do not, and a restart forgets it: the file is then simply uploaded
again, since importing twice changes nothing. An hour after its last sign of life it is removed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crm.repository import undoing
from crm.repository.importing import DIFFERENT, NEW, UNCHANGED
from crm.schema import Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import importer
from .chunks import Chunk
from .errors import ImportingError
from .findings import REFUSED, Findings
from .importer import Options, Outcome
from .preview import Preview

log = logging.getLogger(__name__)

READING, PREVIEW, IMPORTING, DONE, FAILED = "reading", "preview", "importing", "done", "failed"
AT_WORK = (READING, IMPORTING)
KEPT = 60 * 60
# Longer than a chunk may take, with its statements' retries.
SILENT = 4 * 60
LISTED = 200


@dataclass(frozen=True)
class Job:
    """One import, as its folder tells. ``state`` is what was written there last."""

    id: str
    folder: Path
    state: dict[str, Any]

    @property
    def phase(self) -> str:
        """FAILED as well where the process that was at work is there no more."""
        at_work = self.state["phase"] in AT_WORK
        is_silent = time.time() - self.state["at"] > SILENT
        return FAILED if at_work and is_silent else self.state["phase"]

    @property
    def file(self) -> Path:
        return self.folder / "file" / self.state["name"]

    @property
    def report(self) -> Path:
        return self.folder / "report.csv"

    @property
    def options(self) -> Options:
        return Options(**self.state["options"])

    def preview(self, wh: Warehouse) -> None:
        """Begin to read the file; what it would do is in ``state`` when that is done."""
        self._begin(READING, lambda: _preview(self, wh))

    def run(self, wh: Warehouse) -> None:
        """Begin to import."""
        self._begin(IMPORTING, lambda: _import(self, wh))

    def write(self, **changes: Any) -> None:
        """Note what is new, whole or not at all."""
        self.state.update(changes, at=time.time())
        temporary = self.folder / f".state-{threading.get_ident()}"
        temporary.write_text(json.dumps(self.state), encoding="utf-8")
        temporary.replace(self.folder / "state.json")

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self, phase: str, work: Callable[[], None]) -> None:
        """Once: whoever asks a second time meanwhile finds it begun."""
        claim = self.folder / "claim"
        if self.phase == FAILED:
            claim.unlink(missing_ok=True)
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        self.write(phase=phase, doing=phase, rows=0, error="")
        threading.Thread(target=_guarded, args=(self, claim, work), daemon=True).start()


def create(owner: str, name: str, content: Iterable[bytes], options: Options) -> Job:
    """Keep an uploaded file, and forget old jobs."""
    _tidy()
    id = secrets.token_urlsafe(24)
    folder = _home() / id
    (folder / "file").mkdir(parents=True, mode=0o700)
    job = Job(
        id,
        folder,
        {"phase": PREVIEW, "owner": owner, "name": _harmless(name), "options": asdict(options)},
    )
    with job.file.open("wb") as file:
        for part in content:
            file.write(part)
    job.write(rows=0, total=0, tables=[], error="")
    return job


def find(owner: str, id: str) -> Job | None:
    """The job, if it is there and this person's."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{32}", id):
        return None
    folder = _home() / id
    with suppress(OSError, ValueError):
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        if state["owner"] == owner:
            return Job(id, folder, state)
    return None


def _home() -> Path:
    home = Path(tempfile.gettempdir()) / f"edip-imports-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} belongs to somebody else")
    return home


def _tidy() -> None:
    for folder in _home().iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEPT:
                shutil.rmtree(folder, ignore_errors=True)


def _harmless(name: str) -> str:
    """The file's own name, for reports; its ending says what it is."""
    name = re.sub(r"[\x00-\x1f/\\]", "_", Path(name).name).lstrip(".")
    return name[-120:] or "file"


def _guarded(job: Job, claim: Path, work: Callable[[], None]) -> None:
    try:
        work()
    except (ImportingError, WarehouseError) as error:
        job.write(phase=FAILED, error=str(error))
    except Exception:
        log.exception("import %s", job.state["name"])
        job.write(phase=FAILED, error="Something unexpected happened; the log has the details.")
    finally:
        claim.unlink(missing_ok=True)


def _preview(job: Job, wh: Warehouse) -> None:
    preview = Preview(wh)

    def watch(table: Table, chunk: Chunk, states: list[str]) -> None:
        preview.watch(table, chunk, states)
        job.write(rows=preview.rows)

    options = Options(dry_run=True, headings=job.options.headings)
    with Findings(job.report) as findings:
        outcomes = importer.run(wh, job.file, options, findings, watch)
    tables = [
        _table(outcome, findings)
        | {"samples": {state: preview.samples(outcome.table, state) for state in (NEW, DIFFERENT)}}
        for outcome in outcomes
    ]
    job.write(phase=PREVIEW, tables=tables, total=preview.rows, **_told(findings))


def _import(job: Job, wh: Warehouse) -> None:
    done = 0

    def watch(table: Table, chunk: Chunk, states: list[str]) -> None:
        nonlocal done
        done += len(states)
        job.write(rows=done)

    before = undoing.versions(wh)
    with Findings(job.report) as findings:
        outcomes = importer.run(wh, job.file, job.options, findings, watch)
    tables = [_table(outcome, findings) for outcome in outcomes]
    versions = [before, undoing.versions(wh)]
    job.write(phase=DONE, tables=tables, versions=versions, **_told(findings))


def _table(outcome: Outcome, findings: Findings) -> dict[str, Any]:
    return {
        "name": outcome.table.name,
        "plural": outcome.table.plural,
        "new": outcome.states[NEW],
        "different": outcome.states[DIFFERENT],
        "unchanged": outcome.states[UNCHANGED],
        "refused": findings.count(REFUSED, outcome.table.name),
        "written": outcome.written,
        "checked": outcome.checked,
        "found": outcome.found,
        "verified": outcome.verified,
        "verdict": outcome.verdict,
    }


def _told(findings: Findings) -> dict[str, Any]:
    return {
        "findings": [
            {"outcome": each.outcome, "place": str(each.place)}
            | {"column": each.column, "reason": each.reason}
            for each in findings.by_weight()[:LISTED]
        ],
        "found": sum(findings.counts.values()),
    }
