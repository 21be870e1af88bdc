"""Jobs and their locks, with replaced work and without a warehouse."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from crm.importing.errors import SourceError, Stopped
from crm.importing.importer import FAIL, UPDATE, Options
from crm.importing.jobs import job as jobs
from crm.importing.jobs import lock, work
from crm.importing.jobs.job import Job
from tests.patience import seconds

WAREHOUSE: Any = None


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(jobs, "start_sweeper", lambda: None)


def created(**options: Any) -> Job:
    return jobs.create("alice", "../a/accounts.csv", [b"bsnid,", b"team\n"], Options(**options))


def found(job: Job) -> Job:
    again = jobs.find("alice", job.id)
    assert again is not None
    return again


def settled(job: Job) -> Job:
    deadline = time.monotonic() + seconds(20)
    while (again := found(job)).at_work and time.monotonic() < deadline:
        time.sleep(0.01)
    return again


def test_a_lock_is_held_until_it_is_released(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path)
    held = lock.acquire(tmp_path)
    assert held
    assert lock.is_held(tmp_path)
    assert lock.acquire(tmp_path) is None
    held.release()
    assert not lock.is_held(tmp_path)
    assert lock.acquire(tmp_path / "none") is None
    assert not lock.is_held(tmp_path / "none")


def test_an_upload_is_kept_for_its_owner() -> None:
    job = created()
    assert job.file.name == "accounts.csv"
    assert job.file.read_bytes() == b"bsnid,team\n"
    assert found(job).options == Options()
    assert jobs.find("bob", job.id) is None
    assert jobs.find("alice", "../x") is None
    # Nothing works on it, as if the process had ended.
    assert found(job).process_ended
    assert found(job).phase == jobs.FAILED


@pytest.mark.parametrize(
    ("error", "phase", "text", "stopped"),
    [
        (None, jobs.PREVIEW, "", False),
        (SourceError("It is damaged."), jobs.FAILED, "It is damaged.", False),
        (Stopped("Stopped."), jobs.FAILED, "Stopped.", True),
        (KeyError("x"), jobs.FAILED, "An unexpected error occurred", False),
    ],
)
def test_the_end_of_its_work_is_noted(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, phase: str, text: str, stopped: bool
) -> None:
    def preview(wh: Any, upload: work.Upload, report_progress: Any, should_stop: Any) -> Any:
        report_progress(rows=7)
        if error:
            raise error
        return {"tables": [], "total": 7}

    monkeypatch.setattr(work, "preview", preview)
    job = created()
    job.start_preview(WAREHOUSE, on_conflict=UPDATE)
    done = settled(job)
    assert (done.phase, done.state["rows"], done.state["stopped"]) == (phase, 7, stopped)
    assert done.state["error"].startswith(text)
    assert done.options.on_conflict == UPDATE
    assert not lock.is_held(done.folder)


def test_a_thread_that_works_is_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()

    def preview(wh: Any, upload: work.Upload, report_progress: Any, should_stop: Any) -> Any:
        started.set()
        while not should_stop():
            time.sleep(0.01)
        raise Stopped("Stopped.")

    monkeypatch.setattr(work, "preview", preview)
    job = created()
    job.start_preview(WAREHOUSE)
    assert started.wait(20)
    assert found(job).at_work
    assert not job.delete()
    job.start_preview(WAREHOUSE)  # changes nothing: a thread works on the job
    found(job).stop()
    assert settled(job).state["stopped"]
    assert job.delete()
    assert jobs.find("alice", job.id) is None


def test_a_second_attempt_continues_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[work.Attempts] = []

    def import_file(wh: Any, upload: Any, earlier: work.Attempts, report: Any, stop: Any) -> Any:
        seen.append(earlier)
        report(before={"accounts": 3}, wrote={"accounts": 2}, attempts=earlier.count + 1)
        raise SourceError("It ended.")

    monkeypatch.setattr(work, "import_file", import_file)
    job = created()
    job.write(phase=jobs.PREVIEW)
    for _ in range(2):
        found(job).start_import(WAREHOUSE)
        assert settled(job).may_import
    assert seen == [work.Attempts(), work.Attempts(1, {"accounts": 3}, {"accounts": 2})]


@pytest.mark.parametrize(
    ("options", "counts", "obstacle"),
    [
        ({}, (1, 1), ""),
        ({"strict": True}, (1, 1), "refused"),
        ({"strict": True}, (0, 1), ""),
        ({"on_conflict": FAIL}, (1, 1), "different"),
        ({"on_conflict": FAIL}, (1, 0), ""),
    ],
)
def test_what_the_options_do_not_allow(
    options: dict[str, Any], counts: tuple[int, int], obstacle: str
) -> None:
    job = created(**options)
    refused, different = counts
    job.write(phase=jobs.PREVIEW, tables=[{"refused": refused, "different": different}])
    assert found(job).obstacle == obstacle
    assert found(job).may_import == (not obstacle)
