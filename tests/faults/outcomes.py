"""The outcome of one cell of the matrix, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import BeautifulSoup
from django.http import HttpResponse

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLES, UPDATES, USE_CASES

from ..pages.html import filled_in, parsed, texts
from . import rows
from .action import Action
from .browser import NO_ANSWER as NO_ANSWER
from .rows import ALL, NONE, OTHER, Rows, Wanted

# What pages say of a change that failed.
NOTHING = re.compile(
    r"[Nn]othing was (saved|imported)|(was|were) not (completed|saved|sent)|did not run"
)
UNSURE = re.compile(
    r"may or may not|may have been|[Cc]heck (what was saved|before)|rows that are already written|"
    r"importing the same file twice changes nothing more"
)
# How steps name what they write, by table.
STEPS = {
    ACCOUNTS: "(the|changes of) accounts?|all that belongs to (it|them)",
    PLATFORMS_STATUS: "platform statuses|^Set Databricks|all that belongs to (it|them)",
    USE_CASES: "use cases?|all that belongs to (it|them)",
    UPDATES: "updates|^Add the update|all that belongs to (it|them)",
}
# The page for an error that the app did not expect.
UNEXPECTED = "Something went wrong on our side"


@dataclass
class Outcome:
    """One line of the table. ``red`` lists what is wrong."""

    fault: str
    action: str
    status: int
    title: str
    seconds: float
    statements: int
    bsnid: str = ""
    state: str = ""
    lost: int = 0
    doubled: int = 0
    kept: str = ""
    sentence: str = ""
    red: list[str] = field(default_factory=list)

    def line(self) -> str:
        answer = f"{self.status} {self.title}"[:44]
        return (
            f"{self.fault:18} {self.action:21} {answer:44} {self.seconds:5.1f} {self.statements:3} "
            f"{self.lost:4} {self.doubled:4}  {self.kept:4} {self.state:5} {self.sentence:8} "
            f"{'; '.join(self.red)}"
        ).rstrip()


HEAD = f"{'fault':18} {'action':21} {'answer':44}  secs  st lost twice kept done  sentence red"
# The outcomes of this run, for the table.
ALL_OUTCOMES: list[Outcome] = []


def title_of(response: HttpResponse) -> str:
    if response.streaming or "html" not in response.get("Content-Type", ""):
        return response.get("Content-Type", "")
    found = texts(parsed(response), "main .banner h2") or texts(parsed(response), "main h1")
    return found[0] if found else ""


def judge_answer(outcome: Outcome, limit: float) -> None:
    if outcome.title == UNEXPECTED:
        outcome.red.append("an error that nobody expected")
    if outcome.seconds > limit:
        outcome.red.append(f"later than {limit:.0f} s")


def judge_rows(outcome: Outcome, before: Rows, wanted: Wanted, after: Rows) -> None:
    outcome.state = rows.state(before, wanted, after)
    outcome.lost = rows.lost(before, wanted, after)
    outcome.doubled = rows.doubled(after)
    if outcome.lost or outcome.doubled or outcome.state == OTHER:
        outcome.red.append("rows are lost, doubled or neither as before nor as wanted")


def judge_end(outcome: Outcome, before: Rows, wanted: Wanted, after: Rows) -> None:
    """Check that everything is done exactly once after the person has sent the form again."""
    state, doubled = rows.state(before, wanted, after), rows.doubled(after)
    outcome.doubled = max(outcome.doubled, doubled)
    if doubled or (wanted and state != ALL):
        outcome.red.append(f"sent again, done is: {state}, {doubled} rows twice")


def judge_kept(outcome: Outcome, action: Action, response: HttpResponse) -> None:
    """Check that the page of a failed request has what the person typed, or a button that
    continues."""
    form = action.form(response)
    outcome.kept = "no" if form is None else "yes"
    if not action.field:
        return
    if form is None or filled_in(form).get(action.field) != (action.typed or outcome.bsnid):
        outcome.kept = "no"
        outcome.red.append("what was typed is gone")


def judge_sentence(
    outcome: Outcome,
    action: Action,
    response: HttpResponse,
    states: dict[str, str],
) -> None:
    """Check that the page says truly what was saved."""
    page = parsed(response)
    if action.is_done(response):
        outcome.sentence = "done"
        if outcome.state != ALL:
            outcome.red.append(f"it says done, but done is: {outcome.state}")
    elif page.select("main .half-done"):
        outcome.sentence = "half"
        outcome.red += _untrue_steps(page, states)
    elif found := re.search(r"([\d,]+) of ([\d,]+) rows were done", page.get_text()):
        outcome.sentence = f"{found[1]}/{found[2]}"
        if outcome.state == NONE and found[1] != "0":
            outcome.red.append("it names rows that were not written")
    elif UNSURE.search(page.get_text()):
        outcome.sentence = "unsure"
    elif NOTHING.search(page.get_text()):
        outcome.sentence = "nothing"
        if outcome.state != NONE:
            outcome.red.append(f"it says nothing, but done is: {outcome.state}")
    else:
        outcome.sentence = "-"
        if outcome.state != NONE:
            outcome.red.append(f"it does not say that done is: {outcome.state}")


def _untrue_steps(page: BeautifulSoup, states: dict[str, str]) -> Iterator[str]:
    *first, left = page.select("main .half-done ul")
    done = [step for part in first for step in texts(part, "li") if "Note" not in step]
    left = texts(left, "li")
    for table in TABLES:
        name = STEPS[table]
        state = states.get(table.name)
        is_unsure = any(_names(step, name) and "may have been" in step for step in left)
        if state is None or is_unsure:
            continue
        is_left = any(_names(step, name) for step in left)
        is_done = any(_names(step, name) for step in done) and not is_left
        if is_done and state != ALL:
            yield f"it lists {name} as done"
        if not is_done and not is_left:
            yield f"it does not list {name}"
        if is_left and state == ALL and not any(_names(step, name) for step in done):
            yield f"it lists {name} as not done"


def _names(step: str, name: str) -> bool:
    return re.search(rf"({name})\b", step) is not None and "meanwhile" not in step
