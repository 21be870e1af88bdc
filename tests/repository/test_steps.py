"""The runner of an operation's steps: what it tries again, and what it says when it cannot go on."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

from crm.repository import steps
from crm.repository.errors import HalfDone, Missing
from crm.repository.operations import Operation
from crm.repository.steps import Step, run_steps
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import (
    Busy,
    Dropped,
    ObjectNotFound,
    PermissionDenied,
    Refused,
    TimeIsUp,
    Unavailable,
    WarehouseError,
    WriteConflict,
)

OPERATION = Operation("id-1", "delete", "ana@example.com")
WITHOUT_END: Any = SimpleNamespace(deadline=None)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the runner's waits; return the list of their lengths."""
    waits: list[float] = []
    monkeypatch.setattr(steps.time, "sleep", waits.append)
    return waits


def failing(*errors: Exception) -> Callable[[], int]:
    """Return a step that raises these errors, one at each call, and then changes one row."""
    left = list(errors)

    def run() -> int:
        if left:
            raise left.pop(0)
        return 1

    return run


def run(*runs: Callable[[], int], wh: Any = WITHOUT_END, done: int = 0) -> list[int]:
    return run_steps(
        wh, OPERATION, [Step(f"Step {n}", each) for n, each in enumerate(runs, 1)], done=done
    )


def half_done(*runs: Callable[[], int], wh: Any = WITHOUT_END) -> HalfDone:
    with pytest.raises(HalfDone) as raised:
        run(*runs, wh=wh)
    return raised.value


@pytest.mark.parametrize("error", [WriteConflict(), Dropped(), Busy()], ids=repr)
def test_a_passing_failure_is_tried_again(error: WarehouseError, waits: list[float]) -> None:
    assert run(failing(), failing(error, error), failing()) == [1, 1, 1]
    assert waits == list(steps.PAUSES)


def test_what_does_not_pass_is_reported(waits: list[float]) -> None:
    denied = PermissionDenied(query_id="q-1")
    error = half_done(failing(), failing(), failing(denied), failing())
    assert (error.done, error.left) == (("Step 1", "Step 2"), ("Step 3", "Step 4"))
    assert (error.operation, error.changed, error.cause) == ("id-1", 2, denied)
    assert (error.unsure, error.query_id, waits) == ((), "q-1", [])
    assert "done: Step 1; Step 2. Not done: Step 3; Step 4. Permission denied" in str(error)
    assert half_done(failing(), failing(TimeIsUp())).unsure == ("Step 2",)
    lost = half_done(failing(), failing(*[Dropped()] * 3))
    assert (lost.unsure, waits) == (("Step 2",), list(steps.PAUSES))
    # The warehouse may have run the first try before it died.
    died = half_done(failing(), failing(Dropped(query_id="q-2"), Unavailable(), Unavailable()))
    assert (died.unsure, died.query_id) == (("Step 2",), "q-2")
    assert not half_done(failing(), failing(*[Unavailable()] * 3)).unsure


@pytest.mark.parametrize("later", [PermissionDenied(), Refused(), ObjectNotFound()], ids=repr)
def test_a_lost_answer_is_not_forgotten(later: WarehouseError, waits: list[float]) -> None:
    """The first try may have run, whatever happens to the next."""
    lost = Dropped(query_id="q-2")
    error = half_done(failing(), failing(lost, later))
    assert (error.unsure, error.cause) == (("Step 2",), lost)
    # The finished steps within a step are kept.
    inner = HalfDone("id-1", ["A"], ["B"], PermissionDenied(), finished=1, changed=1)
    assert half_done(failing(), failing(lost, inner)).done == ("Step 1", "A")


def test_nothing_is_half_done_before_the_first_step(waits: list[float]) -> None:
    with pytest.raises(WriteConflict):
        run(failing(WriteConflict()), failing())
    # An error that a step raises about the data is no failure of the warehouse.
    with pytest.raises(Missing):
        run(failing(), failing(Missing("B1")))
    assert waits == []


def test_a_wait_fits_into_the_deadline(waits: list[float]) -> None:
    soon: Any = SimpleNamespace(deadline=Deadline.after(1.5))
    assert half_done(failing(), failing(WriteConflict()), wh=soon).left == ("Step 2",)
    later = Busy()
    later.retry_after = 5
    enough: Any = SimpleNamespace(deadline=Deadline.after(60))
    assert run(failing(), failing(later), wh=enough) == [1, 1]
    assert waits == [5]
    much_later = Busy()
    much_later.retry_after = 600
    assert half_done(failing(), failing(much_later)).cause is much_later


def test_going_on_leaves_out_what_is_done(waits: list[float]) -> None:
    def not_again() -> int:
        raise AssertionError

    assert run(not_again, failing(Busy()), done=1) == [0, 1]


def test_parallel_steps_run_at_the_same_time(waits: list[float]) -> None:
    """Each waits for the other one, so they end only if they run together."""
    together = Barrier(2, timeout=10)
    who = ContextVar("who", default="")

    def meet() -> int:
        together.wait()
        return len(who.get())

    who.set("ana")
    both = [Step(f"Step {n}", meet, parallel=True) for n in (2, 3)]
    first, last = Step("Step 1", failing()), Step("Step 4", failing())
    assert run_steps(WITHOUT_END, OPERATION, [first, *both, last]) == [1, 3, 3, 1]


def test_parallel_steps_that_fail_are_distinguished(waits: list[float]) -> None:
    lost, denied = Dropped(), PermissionDenied()
    runs = [failing(), failing(), failing(denied), failing(), failing(*[lost] * 3), failing()]
    steps = [Step(f"Step {n}", each, parallel=1 < n < 6) for n, each in enumerate(runs, 1)]
    with pytest.raises(HalfDone) as raised:
        run_steps(WITHOUT_END, OPERATION, steps)
    error = raised.value
    assert error.done == ("Step 1", "Step 2", "Step 4")
    assert error.left == ("Step 3", "Step 5", "Step 6")
    assert (error.finished, error.changed) == (2, 3)
    assert (error.cause, error.unsure) == (denied, ("Step 5",))
    assert run_steps(WITHOUT_END, OPERATION, steps, done=error.finished) == [0, 0, 1, 1, 1, 1]


def test_what_a_step_finds_hides_no_half_done_work_beside_it(waits: list[float]) -> None:
    inner = HalfDone("id-1", ["A"], ["B"], PermissionDenied(), finished=1, changed=1)
    runs = [failing(), failing(Missing("B1"), Missing("B1")), failing(inner), failing()]
    steps = [Step(f"Step {n}", each, parallel=1 < n < 4) for n, each in enumerate(runs, 1)]
    with pytest.raises(HalfDone) as raised:
        run_steps(WITHOUT_END, OPERATION, steps)
    error = raised.value
    assert (error.done, error.left) == (("Step 1", "A"), ("Step 2", "B", "Step 4"))
    assert (error.finished, error.changed, error.unsure) == (1, 2, ())
    with pytest.raises(Missing):
        run_steps(WITHOUT_END, OPERATION, steps, done=error.finished)


def test_steps_within_a_step(waits: list[float]) -> None:
    def inner() -> int:
        return sum(run(failing(), failing(PermissionDenied())))

    error = half_done(failing(), inner, failing())
    assert error.done == ("Step 1", "Step 1")
    assert (error.left, error.changed) == (("Step 2", "Step 3"), 2)
