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

from crm.importing.errors import ImportingError, Stopped
from crm.importing.importer import FAIL, Options
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import lock, work

log = logging.getLogger(__name__)

READING, PREVIEW, IMPORTING, DONE, FAILED = "reading", "preview", "importing", "done", "failed"
AT_WORK = (READING, IMPORTING)
KEPT = 60 * 60
SWEPT_EVERY = 60

# Taken by the process's one sweeper, and kept.
_sweeping = threading.Lock()


@dataclass
class Job:
    """One import, as its folder tells. ``state`` is what was written there last; ``died``: the
    process that was at work is there no more."""

    id: str
    folder: Path
    state: dict[str, Any]
    died: bool = False

    @property
    def phase(self) -> str:
        return FAILED if self.died else self.state["phase"]

    @property
    def at_work(self) -> bool:
        return self.phase in AT_WORK

    @property
    def stopping(self) -> bool:
        return self._stop.exists()

    @property
    def file(self) -> Path:
        return self.folder / "file" / self.state["name"]

    @property
    def report(self) -> Path:
        return self.folder / "report.csv"

    @property
    def options(self) -> Options:
        return Options(**self.state["options"])

    @property
    def obstacle(self) -> str:
        """Why nothing at all would go in: the state of rows that the options do not bear."""
        options, tables = self.options, self.state["tables"]
        if options.strict and any(table["refused"] for table in tables):
            return "refused"
        if options.on_conflict == FAIL and any(table["different"] for table in tables):
            return "different"
        return ""

    @property
    def may_import(self) -> bool:
        if self.phase == FAILED:
            return self.state["doing"] == IMPORTING
        return self.phase == PREVIEW and not self.obstacle

    @property
    def may_look(self) -> bool:
        return self.phase in (PREVIEW, FAILED)

    def preview(self, wh: Warehouse, **options: Any) -> None:
        """Begin to read the file; what it would do is in ``state`` when that is done. ``options``
        are taken instead of those that the file came with."""
        chosen = self.state["options"] | options
        self._begin(READING, PREVIEW, lambda: work.look(self, wh), options=chosen)

    def run(self, wh: Warehouse) -> None:
        """Begin to import."""
        self._begin(IMPORTING, DONE, lambda: work.take_in(self, wh))

    def write(self, **changes: Any) -> None:
        """Note what is new, whole or not at all."""
        self.state.update(changes)
        temporary = self.folder / f".state-{threading.get_ident()}"
        temporary.write_text(json.dumps(self.state), encoding="utf-8")
        temporary.replace(self.folder / "state.json")

    def stop(self) -> None:
        """Ask whoever is at work to end; what was written until then stays."""
        if self.at_work:
            with suppress(FileNotFoundError):
                self._stop.touch()

    def stop_if_asked(self) -> None:
        if self.stopping:
            raise Stopped("It was stopped, as you asked.")

    def forget(self) -> bool:
        """Remove everything; not while somebody is at work with it."""
        hold = lock.take(self.folder)
        if hold is None:
            return not self.folder.exists()
        shutil.rmtree(self.folder, ignore_errors=True)
        hold.release()
        return True

    @property
    def _stop(self) -> Path:
        return self.folder / "stop"

    def _begin(
        self, doing: str, then: str, task: Callable[[], dict[str, Any]], **changes: Any
    ) -> None:
        """Once: whoever asks a second time meanwhile, or when it is over, changes nothing."""
        hold = lock.take(self.folder)
        if hold is None:
            return
        try:
            state = _state(self.folder)
            if state is not None:
                self.state, self.died = state, state["phase"] in AT_WORK
            if state is None or not (self.may_look if doing == READING else self.may_import):
                hold.release()
                return
            self.died = False
            self._stop.unlink(missing_ok=True)
            self.write(phase=doing, doing=doing, rows=0, error="", stopped=False, **changes)
            args = (self, hold, then, task)
            threading.Thread(target=_guarded, args=args, daemon=True).start()
        except BaseException:
            hold.release()
            raise


def create(owner: str, name: str, content: Iterable[bytes], options: Options) -> Job:
    """Keep an uploaded file. It is not at work yet: ``preview`` is next."""
    id = secrets.token_urlsafe(24)
    folder = _home() / id
    (folder / "file").mkdir(parents=True, mode=0o700)
    state = {"owner": owner, "name": _harmless(name), "options": asdict(options)}
    job = Job(id, folder, state)
    with job.file.open("wb") as file:
        for part in content:
            file.write(part)
    job.write(phase=READING, doing=READING, rows=0, total=0, tables=[], error="", stopped=False)
    keep_tidy()
    return job


def find(owner: str, id: str) -> Job | None:
    """The job, if it is there and this person's."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{32}", id):
        return None
    _sweep()
    folder = _home() / id
    state = _state(folder)
    if state is None or state["owner"] != owner:
        return None
    died = False
    if state["phase"] in AT_WORK and not lock.is_held(folder):
        # Between these two looks it may have come to its end.
        state = _state(folder) or state
        died = state["phase"] in AT_WORK
    return Job(id, folder, state, died)


def keep_tidy() -> None:
    """From now on old jobs are removed, whether or not somebody comes and asks."""
    if _sweeping.acquire(blocking=False):
        threading.Thread(target=_sweep_on, daemon=True, name="old imports").start()


def _sweep_on() -> None:
    while True:
        with suppress(OSError):
            _sweep()
        time.sleep(SWEPT_EVERY)


def _sweep() -> None:
    for folder in _home().iterdir():
        with suppress(OSError):
            is_old = time.time() - folder.stat().st_mtime > KEPT
            if is_old and not lock.is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _state(folder: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        return json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return None


def _home() -> Path:
    home = Path(tempfile.gettempdir()) / f"edip-imports-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} belongs to somebody else")
    return home


def _harmless(name: str) -> str:
    """The file's own name, for reports; its ending says what it is."""
    name = re.sub(r"[\x00-\x1f/\\]", "_", Path(name).name).lstrip(".")
    return name[-120:] or "file"


def _guarded(job: Job, hold: lock.Hold, then: str, task: Callable[[], dict[str, Any]]) -> None:
    try:
        job.write(phase=then, **task())
    except (ImportingError, WarehouseError) as error:
        job.write(phase=FAILED, error=str(error), stopped=isinstance(error, Stopped))
    except Exception:
        log.exception("import %s", job.state["name"])
        job.write(phase=FAILED, error="Something unexpected happened; the log has the details.")
    finally:
        hold.release()
