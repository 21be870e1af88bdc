"""Run one cell of the matrix: an action meets a fault, and the person tries again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from django.http import HttpResponse

from ..conftest import LocalWarehouse
from ..pages.html import filled_in
from . import outcomes, rows
from .action import Action, Stage
from .outcomes import ALL_OUTCOMES, Outcome

Meeting = Callable[[Action], AbstractContextManager[None]]


def run_cell(
    fault: str,
    stage: Stage,
    server: LocalWarehouse,
    meet: Meeting,
    recover: Callable[[], None],
    limit: float,
) -> Outcome:
    """Return the outcome of the cell.

    :param meet: the context in which the action meets the fault.
    :param recover: a function that is called before the person sends the same again.
    :param limit: seconds in which an answer must come.
    """
    action = stage.action
    action.prepare(stage)
    before = rows.read(stage.wh, stage.bsnid)
    wanted = action.wanted(stage, before)
    last, began = server.last(), time.monotonic()
    with meet(action):
        response = action.act(stage)
        taken = time.monotonic() - began
    # A warehouse that was killed counts from the beginning.
    statements = max(0, server.last() - last)
    title = outcomes.title_of(response)
    status = response.status_code
    outcome = Outcome(fault, stage.name, status, title, taken, statements, stage.bsnid)
    outcomes.judge_answer(outcome, float("inf") if action.is_long else limit)
    after = rows.read(stage.wh, stage.bsnid)
    outcomes.judge_rows(outcome, before, wanted, after)
    if not action.reads and response.status_code != outcomes.NO_ANSWER:
        states = rows.state_by_table(before, wanted, after)
        outcomes.judge_sentence(outcome, action, response, states)
    if not action.is_done(response):
        recover()
        send_again(outcome, stage, response)
        outcomes.judge_end(outcome, before, wanted, rows.read(stage.wh, stage.bsnid))
    ALL_OUTCOMES.append(outcome)
    return outcome


def send_again(outcome: Outcome, stage: Stage, response: HttpResponse) -> None:
    """Use what the page offers; if it offers nothing, repeat the same action."""
    action, form = stage.action, None
    if not action.reads and response.status_code != outcomes.NO_ANSWER:
        outcomes.judge_kept(outcome, action, response)
        form = action.form(response)
    if form is None or action.is_import:
        again = action.act(stage)
    else:
        path = form.get("action") or response.wsgi_request.get_full_path()
        again = stage.client.post(path, filled_in(form))
    if not action.is_done(again):
        title = outcomes.title_of(again)
        outcome.red.append(f"sent again: {again.status_code} {title}")
