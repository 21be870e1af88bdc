"""Imports by page: an uploaded file, the state of its import, and the thread that works on it.

A job lives in a folder of its own in the temporary directory, under an id that nobody can guess,
and belongs to the person who uploaded the file. All processes of an instance share that folder,
so any of them can answer a request. Other instances do not see it; from the job's id they know
what its import has left in the tables (docs/decisions/0011-imports-stay-on-one-instance.md). A job
is removed one hour after it last changed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from crm.importing.errors import ImportingError
from crm.importing.importer import FAIL, Options
from crm.importing.mapping.chosen import SourceMapping
from crm.importing.mapping.survey import PartSurvey
from crm.warehouse import Warehouse, usage
from crm.warehouse.errors import WarehouseError

from . import folders, lock, mapping_step, work
from .sweeper import remove_old_jobs, start_sweeper

log = logging.getLogger(__name__)

READING, MAPPING, PREVIEW = "reading", "mapping", "preview"
IMPORTING, DONE, FAILED = "importing", "done", "failed"
AT_WORK = (READING, IMPORTING)


@dataclass
class Job:
    """One import. ``state`` is the content of ``state.json`` in its folder. ``process_ended``: the
    process that worked on the job ended before the job was done."""

    id: str
    folder: Path
    state: dict[str, Any]
    process_ended: bool = False

    @property
    def phase(self) -> str:
        return FAILED if self.process_ended else str(self.state["phase"])

    @property
    def at_work(self) -> bool:
        return self.phase in AT_WORK

    @property
    def stopping(self) -> bool:
        return self._stop.exists()

    @property
    def file(self) -> Path:
        return self.folder / "file" / str(self.state["name"])

    @property
    def report(self) -> Path:
        return self.folder / "report.csv"

    @property
    def refused(self) -> Path:
        """Return the file of refused rows; it exists where there are any to give back."""
        return self.folder / "refused"

    @property
    def options(self) -> Options:
        options = self.state["options"]
        mapping = SourceMapping.from_json(options["mapping"])
        more = {"taken": tuple(options["taken"]), "since": self.state.get("since", "")}
        return Options(**{**options, "mapping": mapping, **more})

    @property
    def obstacle(self) -> str:
        """Return why nothing would be imported: "refused" if rows are refused and the options
        forbid that, "different" if rows exist with other values and the options forbid that, else
        empty."""
        options, tables = self.options, self.state["tables"]
        if options.strict and any(table["refused"] for table in tables):
            return "refused"
        if options.on_conflict == FAIL and any(table["different"] for table in tables):
            return "different"
        return ""

    @property
    def doubts(self) -> dict[str, str]:
        """Map a key to each doubt. Another preview has other keys: nobody confirms a doubt that
        they have not seen."""
        found = self.state.get("doubts", ()) if self.phase == PREVIEW else ()
        return {_key(self.state.get("previewed", ""), doubt): doubt for doubt in found}

    @property
    def may_import(self) -> bool:
        if self.phase == FAILED:
            return bool(self.state["doing"] == IMPORTING)
        return self.phase == PREVIEW and not self.obstacle

    @property
    def may_preview(self) -> bool:
        return self.phase in (MAPPING, PREVIEW, FAILED)

    @property
    def parts(self) -> list[PartSurvey]:
        """Return what the file holds, as far as a person can choose how to read it."""
        return [PartSurvey.from_json(each) for each in self.state.get("parts") or ()]

    @property
    def may_map(self) -> bool:
        read_before = self.phase == PREVIEW or (self.phase == FAILED and not self.may_import)
        return read_before and bool(self.state.get("parts"))

    def start_reading(
        self,
        wh: Warehouse,
        *,
        ask: bool = False,
        keep: bool = False,
        panels: dict[str, bool] | None = None,
        **options: Any,
    ) -> None:
        """Start to survey the file; then preview it as ``start_preview`` does or, if a person has
        to choose something or ``ask`` is set, wait for the choice. ``panels`` are open or not."""
        chosen = self.state["options"] | options
        task = partial(self._read, wh, ask, keep)
        panels = panels or {}
        self._start(READING, PREVIEW, task, options=chosen, parts=None, panels=panels)

    def start_preview(self, wh: Warehouse, *, keep: bool = False, **options: Any) -> None:
        """Start to read the file; afterwards ``state`` describes what an import would do.
        ``options`` replace those that the file was uploaded with, and ``keep`` keeps their mapping
        for the next import. A file that was not surveyed yet is surveyed first."""
        if self.state.get("parts") is None:
            self.start_reading(wh, keep=keep, **options)
            return
        chosen = self.state["options"] | options
        self._start(READING, PREVIEW, lambda: self._preview(wh, keep), options=chosen)

    def choose(
        self, mapping: SourceMapping | None = None, panels: dict[str, bool] | None = None
    ) -> None:
        """Ask how to read the file; with ``mapping`` as the choices so far, and ``panels`` open
        or not, by name."""
        held = lock.acquire(self.folder)
        if held is None:
            return
        try:
            self.state = folders.read_state(self.folder) or self.state
            if self.may_map or self.phase == MAPPING:
                options = self.state["options"]
                options |= {"mapping": asdict(mapping)} if mapping else {}
                self.write(phase=MAPPING, options=options, panels=panels or {})
        finally:
            held.release()

    def start_import(self, wh: Warehouse) -> None:
        self._start(IMPORTING, DONE, lambda: self._import(wh))

    def write(self, **changes: Any) -> None:
        """Add these values to the state, all of them or none."""
        self.state.update(changes)
        temporary = self.folder / f".state-{threading.get_ident()}"
        temporary.write_text(json.dumps(self.state), encoding="utf-8")
        temporary.replace(self.folder / "state.json")

    def stop(self) -> None:
        """Ask the thread that works on this job to stop; rows written by then stay."""
        if self.at_work:
            with suppress(FileNotFoundError):
                self._stop.touch()

    def delete(self) -> bool:
        """Remove the job and its file, unless a thread works on it; return whether it is gone."""
        held = lock.acquire(self.folder)
        if held is None:
            return not self.folder.exists()
        shutil.rmtree(self.folder, ignore_errors=True)
        held.release()
        return True

    @property
    def _stop(self) -> Path:
        return self.folder / "stop"

    @property
    def _upload(self) -> work.Upload:
        return work.Upload(self.id, self.file, self.options, self.report, self.refused)

    def _read(self, wh: Warehouse, ask: bool, keep: bool) -> dict[str, Any]:
        def progress(rows: int) -> None:
            self.write(rows=rows)

        args = (self.options.mapping, progress, lambda: self.stopping)
        parts, mapping = mapping_step.read(wh, self.file, *args)
        options = self.state["options"] | {"mapping": asdict(mapping)}
        self.write(parts=[asdict(part) for part in parts], options=options, rows=0)
        if ask or any(part.is_asked for part in parts):
            return {"phase": MAPPING}
        return self._preview(wh, keep)

    def _preview(self, wh: Warehouse, keep: bool) -> dict[str, Any]:
        if keep:
            self.write(parts=mapping_step.keep(wh, self.parts, self.options.mapping))
        found = work.preview(wh, self._upload, self.write, lambda: self.stopping)
        return {**found, "previewed": secrets.token_hex(8)}

    def _import(self, wh: Warehouse) -> dict[str, Any]:
        earlier = work.Attempts(self.state.get("before"), self.state.get("wrote", {}))
        return work.import_file(wh, self._upload, earlier, self.write, lambda: self.stopping)

    def _start(
        self, phase: str, next_phase: str, task: Callable[[], dict[str, Any]], **changes: Any
    ) -> None:
        """Start a thread that does the task, unless another works on this job or the job is
        done."""
        held = lock.acquire(self.folder)
        if held is None:
            return
        try:
            state = folders.read_state(self.folder)
            if state is not None:
                self.state, self.process_ended = state, state["phase"] in AT_WORK
            if state is None or not (self.may_preview if phase == READING else self.may_import):
                held.release()
                return
            self.process_ended = False
            self._stop.unlink(missing_ok=True)
            self.write(phase=phase, doing=phase, rows=0, error="", stopped=False, **changes)
            run = usage.tagged(partial(_run, self, held, next_phase, task))
            threading.Thread(target=run, daemon=True).start()
        except BaseException:
            held.release()
            raise


def _key(previewed: str, doubt: str) -> str:
    return hashlib.sha256(f"{previewed}\n{doubt}".encode()).hexdigest()[:16]


def create(owner: str, name: str, content: Iterable[bytes], options: Options) -> Job:
    """Store an uploaded file as a new job. Nothing works on it until ``start_reading``."""
    id = secrets.token_urlsafe(24)
    folder = folders.home() / id
    (folder / "file").mkdir(parents=True, mode=0o700)
    state = {"owner": owner, "name": folders.safe_name(name), "options": asdict(options)}
    job = Job(id, folder, state)
    with job.file.open("wb") as file:
        for part in content:
            file.write(part)
    job.write(phase=READING, doing=READING, rows=0, total=0, tables=[], error="", stopped=False)
    start_sweeper()
    return job


def find(owner: str, id: str) -> Job | None:
    """Return the job with this id, or None if no job has it or another person owns the job."""
    if not folders.is_id(id):
        return None
    remove_old_jobs()
    folder = folders.home() / id
    state = folders.read_state(folder)
    if state is None or state["owner"] != owner:
        return None
    process_ended = False
    if state["phase"] in AT_WORK and not lock.is_held(folder):
        # The work may have ended between reading the state and testing the lock.
        state = folders.read_state(folder) or state
        process_ended = state["phase"] in AT_WORK
    return Job(id, folder, state, process_ended)


def _run(job: Job, held: lock.Lock, next_phase: str, task: Callable[[], dict[str, Any]]) -> None:
    """Do the task. The job is in ``next_phase`` afterwards, unless the task names another phase,
    or has failed."""
    try:
        job.write(**{"phase": next_phase, **task()})
    except (ImportingError, WarehouseError) as error:
        job.write(phase=FAILED, **work.failed(error))
    except Exception:
        log.exception("import %s", job.state["name"])
        job.write(
            phase=FAILED, error="An unexpected error occurred; the app’s log has the details."
        )
    finally:
        held.release()
