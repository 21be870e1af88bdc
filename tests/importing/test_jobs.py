"""Jobs and their locks, with replaced work and without a warehouse."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from crm.importing.chunks import Chunk
from crm.importing.errors import SourceError, Stopped
from crm.importing.findings import Findings, Place
from crm.importing.importer import FAIL, UPDATE, Options
from crm.importing.jobs import job as jobs
from crm.importing.jobs import lock, preview, work
from crm.importing.jobs.job import Job
from crm.importing.rows import CleanRow
from crm.model.schema import ACCOUNTS
from crm.repository.transfer.upsert import DIFFERENT, NEW
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
    # The thread notes the end of its work before it releases the lock.
    while ((again := found(job)).at_work or lock.is_held(job.folder)) and (
        time.monotonic() < deadline
    ):
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


@pytest.mark.parametrize("letter", ["w", "表", "\U0001f600"])
def test_the_name_of_an_upload_may_be_long(letter: str) -> None:
    """File systems limit its bytes."""
    job = jobs.create("alice", f"{letter * 240}.csv", [b"bsnid\n"], Options())
    assert job.file.exists()
    assert set(job.file.stem) == {letter}
    assert job.file.suffix == ".csv"


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
    # The thread notes the end of its work, then it releases the lock.
    deadline = time.monotonic() + seconds(5)
    while lock.is_held(done.folder):
        assert time.monotonic() < deadline
        time.sleep(0.01)


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
    assert started.wait(seconds(10))
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
        report(before={"accounts": 3}, wrote={**earlier.wrote, "first": {"accounts": 2}})
        raise SourceError("It ended.")

    monkeypatch.setattr(work, "import_file", import_file)
    job = created()
    job.write(phase=jobs.PREVIEW)
    for _ in range(2):
        found(job).start_import(WAREHOUSE)
        assert settled(job).may_import
    assert seen == [work.Attempts(), work.Attempts({"accounts": 3}, {"first": {"accounts": 2}})]


def test_a_state_from_before_an_update_has_no_counts() -> None:
    """It had sums by table, where each attempt's operation now has its own."""
    job = created()
    job.write(wrote={"accounts": 5})
    assert found(job).state["wrote"] == {}


def test_two_tabs_that_start_one_import_start_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both tabs have read the state before the first one starts; the second starts while the
    first is at work, and again after it is done."""
    began, go_on = threading.Event(), threading.Event()
    attempts = []

    def import_file(wh: Any, upload: Any, earlier: work.Attempts, report: Any, stop: Any) -> Any:
        attempts.append(len(earlier.wrote))
        report(wrote={"first": {}})
        began.set()
        assert go_on.wait(seconds(20))
        return {"tables": []}

    monkeypatch.setattr(work, "import_file", import_file)
    job = created()
    job.write(phase=jobs.PREVIEW, tables=[])
    first, second, third = found(job), found(job), found(job)
    first.start_import(WAREHOUSE)
    assert began.wait(seconds(20))
    second.start_import(WAREHOUSE)
    go_on.set()
    assert settled(job).phase == jobs.DONE
    third.start_import(WAREHOUSE)
    assert settled(job).phase == jobs.DONE
    assert attempts == [0]
    assert third.phase == jobs.DONE  # what the tab shows is what is


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


def test_a_preview_shows_the_first_rows_and_only_what_differs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def row(n: int, **values: str | None) -> CleanRow:
        return dict.fromkeys(ACCOUNTS.names) | {"bsnid": f"B{n}", "team": "T"} | values

    stored = [row(1, team="Old", vp="V", admin="A")]
    monkeypatch.setattr(preview.upsert, "stored_rows", lambda *_: stored)
    shown = preview.Preview(WAREHOUSE)
    many = range(preview.SHOWN + 1)
    filled = frozenset({"bsnid", "team", "admin"})
    shown.watch(
        ACCOUNTS,
        Chunk(
            [Place("f", row=str(n)) for n in many], [row(n) for n in many], [filled for _ in many]
        ),
        [NEW for _ in many],
    )
    shown.watch(ACCOUNTS, Chunk([Place("f", row="9")], [row(1)], [filled]), [DIFFERENT])
    assert shown.rows == preview.SHOWN + 2
    new = shown.samples(ACCOUNTS, NEW)
    assert len(new) == preview.SHOWN
    assert (new[0]["key"], new[0]["fields"]) == ("B0", [("Team", "", "T")])
    (different,) = shown.samples(ACCOUNTS, DIFFERENT)
    # The file has no column VP, so the stored value stays.
    assert different["fields"] == [("Team", "Old", "T"), ("Admin", "A", "")]


def test_refused_rows_of_an_earlier_preview_are_not_given_back(tmp_path: Path) -> None:
    upload = work.Upload("id", tmp_path / "a.csv", Options(), tmp_path / "r", tmp_path / "refused")
    upload.refused.write_text("rows of an earlier preview")
    with Findings() as findings:
        work._give_back_refused(upload, findings)
    assert not upload.refused.exists()
