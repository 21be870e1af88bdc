"""Let people work for a while, and see whether anything grows: `make soak`.

    python -m bench.soak [--people N] [--minutes M] [--accounts N] [--writes PERCENT] [--write]

gunicorn runs as app.yaml starts it, with the environment of Databricks Apps and EDIP_AUTH=user:
each person has tokens of their own, which are renewed ten times. The people read, write, download
and have pages open. The exit code is 1 if a request fails, or if open files or connections are
higher in the last third than in the second by more than noise; and memory and the CPU time of a
statement, if they work for 20 minutes or more. It is also 1 if the engine or the files of the
local warehouse exceed their limits, or if it keeps a data file that no version needs.
``--untidied`` switches its upkeep off, to see that. Where a request failed, the app's last
warnings say why.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import _data, _files, _gunicorn
from ._people import HOST, USUAL_WRITES, Answers, Person
from ._processes import family, use
from ._report import Table, machine, show, write
from ._setup import PERSON, Control, application

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
SAMPLES, TOKENS = 90, 10
THINKS = (2.5, 7.5)
# What must not grow, each with the growth that counts as noise: a share, and an amount.
GROWTH = {
    "app, MB": (0.10, 25),
    "app, handles": (0.10, 20),
    "app, threads": (0.10, 20),
    "connections": (0.10, 10),
    "warehouse, MB": (0.10, 25),
    "warehouse, handles": (0.10, 20),
    "CPU ms of a statement": (0.25, 10),
}
# Runs of fewer minutes cannot show growth, or growth of these: bounded caches fill first, for 200
# tokens in the app and for 512 commits in the local warehouse.
MINUTES, MINUTES_OF_CACHES = 5, 20
OF_CACHES = {"app, MB", "warehouse, MB", "CPU ms of a statement"}
# What rises and falls again, with its limit: the engine's process is replaced
# (local_warehouse/engine.py), files are compacted and commits moved out of the log
# (auto_optimize.py, old_commits.py), and folders of past versions deleted (time_travel.py).
LIMITS = {"engines, MB": 1500.0, "live files": 80.0, "log files": 160.0, "other files": 5000.0}
# History grows: its files stay for as long as the tables say.
HEAD = ["minute", *GROWTH, *LIMITS, "history files", "statements", "requests", "failed"]


@dataclass(frozen=True)
class Plan:
    """How many people work for how long. ``writes``: of a hundred visits, how many write."""

    people: int
    minutes: float
    accounts: int
    writes: int
    untidied: bool


@dataclass
class Place:
    """What a soak measures: the warehouse, its folder, the app, and the people's answers."""

    control: Control
    folder: Path
    app: int
    answers: Answers
    started: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=20)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--accounts", type=int, default=1000)
    options.add_argument(
        "--writes", type=int, default=USUAL_WRITES, help="of a hundred visits, how many write"
    )
    options.add_argument("--untidied", action="store_true", help="switch upkeep off")
    options.add_argument("--write", action="store_true", help="put the table into the docs")
    given = vars(options.parse_args())
    into_docs = given.pop("write")
    plan, before = Plan(**given), machine()
    table, found = measure(plan)
    table.note += f" {before}"
    show([table])
    if into_docs:
        write([table], DOCUMENT)
    print("\n".join(found) or "No request failed, and nothing grew of what was judged.")
    if plan.minutes < MINUTES_OF_CACHES:
        print(f"Not judged, since caches fill for {MINUTES_OF_CACHES} minutes:")
        print(", ".join(sorted(OF_CACHES)))
    sys.exit(bool(found))


def measure(plan: Plan) -> tuple[Table, list[str]]:
    """Return the table of samples, and a sentence for each failure or growth."""
    names = [f"person{number}" for number in range(plan.people)]
    with application() as (folder, control):
        _prepare(plan.accounts, names, control)
        control.ask("POST", "/warehouse", {"auto_optimize": not plan.untidied})
        with _gunicorn.started(_environment(control.address)) as (port, pid):
            place = Place(control, folder, pid, Answers(), time.monotonic())
            with _working(port, names, plan, place):
                rows = list(_samples(place, plan.minutes * 60))
        complaints = _complaints((folder / "gunicorn.log").read_text())
        control.wait_until_idle()
        abandoned = _files.unexplained(folder)
    note = f"{plan.people} people who think for {THINKS[0]:g} to {THINKS[1]:g} s, for "
    note += (
        f"{plan.minutes:g} minutes: {place.answers.writes:,} writes, {plan.accounts:,} accounts."
    )
    wrong = [f"{n} × {what}" for what, n in place.answers.failures.most_common(10)]
    if wrong:
        wrong += complaints
    wrong += [f"no version needs the data file {path}" for path in abandoned]
    shown = [row for number, row in enumerate(rows, start=1) if number % (SAMPLES // 15) == 0]
    return Table("soak", note, HEAD, list(shown)), wrong + list(growth(rows))


def _complaints(log: str) -> list[str]:
    """Return what the app complained of last: it tells why a request failed."""
    lines = (line for line in log.splitlines() if '"WARNING"' in line or '"ERROR"' in line)
    return list(deque(lines, maxlen=20))


def growth(rows: Sequence[Sequence[float]]) -> Iterator[str]:
    """Yield what is higher in the last third than in the second, by more than noise.

    It judges only what the run was long enough for.
    """
    third, minutes = len(rows) // 3, rows[-1][0]
    for place, (name, (share, amount)) in enumerate(GROWTH.items(), start=1):
        if minutes < (MINUTES_OF_CACHES if name in OF_CACHES else MINUTES):
            continue
        early = statistics.median(row[place] for row in rows[third : 2 * third])
        late = statistics.median(row[place] for row in rows[2 * third :])
        if late > early * (1 + share) and late > early + amount:
            yield f"{name} grew from {early:.0f} to {late:.0f}"
    for name, limit in LIMITS.items():
        if (most := max(row[HEAD.index(name)] for row in rows)) > limit:
            yield f"{name} rose to {most:.0f}, more than {limit:g}"


def _environment(server: str) -> dict[str, str]:
    return {
        "DATABRICKS_APP_NAME": "soak",
        "DATABRICKS_WAREHOUSE_ID": "local",
        "DATABRICKS_HOST": server.partition("/sql/")[0],
        "EDIP_WAREHOUSE_URL": server,
        "EDIP_AUTH": "user",
        "DJANGO_SECRET_KEY": uuid.uuid4().hex * 2,
        "DJANGO_ALLOWED_HOSTS": HOST,
        "EDIP_ADMINS": "person0@example.com",
        "EDIP_LOG_LEVEL": "WARNING",
    }


def _prepare(accounts: int, names: Sequence[str], control: Control) -> None:
    """Make the data, and grant the people their rights."""
    from crm.identity.warehouses import for_person
    from crm.repository.tables import grants

    warehouse = for_person(PERSON)
    _data.load(warehouse, accounts)
    people = {"group": "crew", "members": [f"{name}@example.com" for name in names]}
    control.ask("POST", "/groups", people)
    for statement in grants.statements(grants.EDITOR, warehouse.namespace, "crew"):
        warehouse.execute(statement, repeatable=True)


@contextmanager
def _working(port: int, names: Sequence[str], plan: Plan, place: Place) -> Iterator[None]:
    """Let the people work while the block runs."""
    is_over = threading.Event()
    token_seconds = plan.minutes * 60 / TOKENS

    def new_token(email: str) -> str:
        token = uuid.uuid4().hex
        body = {"token": token, "user": email, "expires_in": 2 * token_seconds + 90}
        place.control.ask("POST", "/tokens", body)
        return token

    def work(name: str) -> None:
        person = Person(port, name, plan.accounts, new_token, place.answers, plan.writes)
        pick = random.Random(name)
        while not is_over.wait(pick.uniform(*THINKS)):
            person.visit(token_seconds)

    threads = [threading.Thread(target=work, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def _samples(place: Place, seconds: float) -> Iterator[Sequence[float]]:
    cpu, statements = place.control.cpu(), place.control.last()
    for number in range(1, SAMPLES + 1):
        until = place.started + number * seconds / SAMPLES
        time.sleep(max(0.0, until - time.monotonic()))
        used, ran = place.control.cpu() - cpu, place.control.last() - statements
        cpu, statements = cpu + used, statements + ran
        yield _sample(place, round(1000 * used / max(ran, 1), 1))


def _sample(place: Place, cpu: float) -> list[float]:
    control, answers = place.control, place.answers
    app, warehouse = use(family(place.app)), use([control.pid])
    engines, files = use(control.engines()), _files.count(place.folder)
    minute = round((time.monotonic() - place.started) / 60, 1)
    return [
        minute, round(app.memory), app.handles, app.threads, control.sessions(),
        round(warehouse.memory), warehouse.handles, cpu, round(engines.memory),
        files.live, files.log, files.others, files.history,
        control.last(), len(answers.seconds), answers.failures.total(),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
