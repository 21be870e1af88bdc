"""The goals of pages, and whether they are met by what bench.pages measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ._report import Table, ratio, shown

if TYPE_CHECKING:
    from .pages import Cost

Costs = Mapping[str, "Cost"]

HISTORIES = ("an account's history", "what changed since", "activity")
# How many times its engine CPU with the fewest accounts a page may cost with the most.
GROWTH = {
    **dict.fromkeys(("accounts", "account", "edit form", "use cases"), 3),
    **dict.fromkeys(("overview", "updates"), 5),
    **dict.fromkeys(HISTORIES, 3),
}
# How many times the list of accounts a page of the past may cost.
OF_ACCOUNTS = 2
APP_CPU, WIRE, RAW = 10, 20, 150


def table(few: Costs, many: Costs) -> Table:
    """Return the goals' table from the costs by page with the fewest and the most accounts."""
    found = Table(
        "goals",
        "The goals of pages, with the numbers of the tables below.",
        ["goal", "page", "measured", "met"],
    )
    for page, most in GROWTH.items():
        grown = ratio(_engine(many, page), _engine(few, page))
        found.rows.append(_row(f"its engine CPU grows to ≤ {most} ×", page, grown, most, " ×"))
    for page in HISTORIES:
        share = ratio(_engine(few, page), _engine(few, "accounts"))
        goal = f"with the fewest accounts ≤ {OF_ACCOUNTS} × their list"
        found.rows.append(_row(goal, page, share, OF_ACCOUNTS, " ×"))
    for goal, most, cost in (
        (f"≤ {APP_CPU} ms of the app's CPU", APP_CPU, lambda cost: cost.app),
        (f"≤ {WIRE} kB on the wire", WIRE, lambda cost: cost.wire),
        (f"≤ {RAW} kB before compression", RAW, lambda cost: cost.raw),
    ):
        found.rows.append(_of_all(goal, most, cost, [few, many]))
    return found


def _engine(costs: Costs, page: str) -> float | None:
    cost = costs.get(page)
    return cost.engine if cost and cost.status == 200 else None


def _row(goal: str, page: str, value: float | None, most: float, unit: str) -> list[object]:
    if value is None:
        return [goal, page, None, None]
    return [goal, page, f"{value:.1f}{unit}", "yes" if round(value, 1) <= most else "no"]


def _of_all(
    goal: str, most: float, cost: Callable[[Cost], float], found: list[Costs]
) -> list[object]:
    """Return the row of a goal of all pages, which names those that miss it."""
    values: dict[str, float] = {}
    for costs in found:
        for page, each in costs.items():
            if each.status == 200:
                values[page] = max(cost(each), values.get(page, 0))
    above = [page for page, value in values.items() if round(value, 1) > most]
    pages = f"all but {'; '.join(above)}" if above else "all"
    span = f"{shown(min(values.values()))}–{shown(max(values.values()))}" if values else None
    return [goal, pages, span, "no" if above else "yes"]
