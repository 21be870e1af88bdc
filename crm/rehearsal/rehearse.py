"""Run the cases in a scratch schema, and drop it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields

from crm.repository.tables import inspection, scratch
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import cases
from .cases.stage import Case, Stage
from .observed import Answer, Observed, of_error

log = logging.getLogger(__name__)


class Unusable(Exception):
    """The scratch schema already exists and may have somebody's data, or its catalog is
    missing."""


@dataclass
class Outcome:
    """The outcome of a case: its ``result`` as a text, and the answers to its statements."""

    result: str
    answers: list[Answer] = field(default_factory=list)


def run(
    wh: Warehouse,
    only: str = "",
    watch: Callable[[Case, Outcome], None] = lambda case, outcome: None,
) -> dict[str, Outcome]:
    """Run the cases in the warehouse's schema, which must not exist, and return their outcomes.

    ``only``: a regular expression; cases whose name does not match run only if others need them.
    A case that fails does not stop later ones. Raises Unusable, and WarehouseError if the schema
    cannot be looked up or dropped.
    """
    stage = Stage(Observed(**{each.name: getattr(wh, each.name) for each in fields(Warehouse)}))
    wanted, outcomes = re.compile(only), dict[str, Outcome]()
    with _scratch_schemas(wh, stage):
        for case in cases.ALL:
            if case.is_needed or wanted.search(case.name):
                outcomes[case.name] = _run(stage, case)
                watch(case, outcomes[case.name])
    return outcomes


@contextmanager
def _scratch_schemas(wh: Warehouse, stage: Stage) -> Iterator[None]:
    homes = (stage.namespace, stage.backups)
    for home in homes:
        found = inspection.existing(wh.at(home))
        if ("catalog", home.catalog.lower()) not in found:
            raise Unusable(f"There is no catalog {home.catalog} that you may use.")
        if ("schema", home.schema.lower()) in found:
            raise Unusable(
                f"The schema {home.catalog}.{home.schema} exists. A rehearsal drops its schema "
                "at the end, so name one that does not exist."
            )
    with ExitStack() as stack:
        for home in homes:
            stack.callback(scratch.drop, wh, home)
        yield


def _run(stage: Stage, case: Case) -> Outcome:
    stage.wh.answers.clear()
    try:
        result = case.run(stage)
    except WarehouseError as error:
        result = f"failed: {of_error(error)}"
    except Exception as error:  # noqa: BLE001 - a case that fails is what a rehearsal is to show
        log.exception("the case “%s” failed", case.name)
        result = f"failed: {type(error).__name__}"
    return Outcome(result, list(stage.wh.answers))
