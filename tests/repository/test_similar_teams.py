"""Two hundred teams that got a second account among two thousand that did not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, product

import pytest

from crm.model.schema import ACCOUNTS
from crm.repository.similar_teams import decided, find
from crm.repository.similar_teams.names import ALIKE, likeness
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse

from ..conftest import Statements
from ..schemas import CONTENTS

HONEST, PLANTED = 2_000, 200
AREAS = ("Finance", "Retail", "Claims", "Supply Chain", "Legal", "Forschung & Entwicklung")
REGIONS = ("North", "South", "East", "West", "EMEA", "APAC", "Nordics", "Iberia", "DACH")
OBJECTS = (
    *("Accounts Payable", "Pricing", "Payments", "Risk", "Tax", "Treasury", "Inbound Freight"),
    *("Outbound Freight", "Import", "Export", "Customer Data", "Warranty", "Fraud", "Policy"),
    *("Vendor", "Contract", "Inventory", "Loyalty", "Müller Brands", "Café", "Human Resources"),
)
FUNCTIONS = (
    *("Analytics", "Operations", "Management", "Engineering", "Reporting", "Services", "Support"),
    *("Planning", "Development", "Governance", "Marketing", "Administration", "Processing"),
)
SHORT = {"Operations": "Ops", "Management": "Mgmt", "Engineering": "Eng", "Services": "Svcs"}
SHORT |= {"Human Resources": "HR", "Marketing": "Mktg", "Administration": "Admin"}
PLAIN = str.maketrans("éü", "eu")


def honest(dice: random.Random) -> list[dict[str, str]]:
    names = [f"{o} {f}" for o, f in product(OBJECTS, FUNCTIONS)]
    names += [f"{r} {o} {f}" for r, o, f in product(REGIONS, OBJECTS, FUNCTIONS)]
    names += [f"{o} and {p} {f}" for (o, p), f in product(combinations(OBJECTS, 2), FUNCTIONS)]
    names += [f"{o} Team {n}" for o, n in product(OBJECTS, range(1, 30))]
    chosen = dice.sample(sorted(product(names, AREAS)), HONEST)
    return [
        {"bsnid": f"BSN{n:05}", "team": name, "business_area": area}
        for n, (name, area) in enumerate(chosen)
    ]


def mistyped(name: str, dice: random.Random) -> str:
    """Swap, drop, double or replace a letter of the longest word."""
    word = max(name.split(), key=len)
    at = dice.randrange(len(word) - 1)
    wrong = dice.choice(
        (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + dice.choice("aeinrst") + word[at + 1 :],
        )
    )
    return name.replace(word, wrong, 1)


def disturbed(name: str, dice: random.Random) -> str:
    """Return the name as somebody else may have written it."""
    shortened = name
    for long, short in SHORT.items():
        shortened = shortened.replace(long, short)
    words = name.split()
    ways = (
        lambda: mistyped(name, dice),
        lambda: shortened,
        lambda: " ".join(reversed(words)),
        lambda: name.replace(" and ", " & ").translate(PLAIN).upper(),
        lambda: f"{name} {dice.choice(('Team', 'Dept.', 'Department'))}",
        lambda: f"The {mistyped(name, dice).lower()} team",
        lambda: f"{shortened} Dept",
    )
    return dice.choice(ways)()


def planted() -> tuple[list[dict[str, str]], set[tuple[str, str]]]:
    dice = random.Random(7)
    rows = honest(dice)
    pairs, more = set(), []
    for n, row in enumerate(dice.sample(rows, PLANTED)):
        key = row["bsnid"].lower() if n % 20 == 0 else f"N{n:05}"
        team = disturbed(row["team"], dice)
        more.append({"bsnid": key, "team": team, "business_area": row["business_area"]})
        pairs.add(tuple(sorted((row["bsnid"], key))))
    return [*rows, *more], pairs


ROWS, PAIRS = planted()
CONTENTS["planted_teams"] = lambda wh: insert_missing(wh, ACCOUNTS, ROWS)


def judge(found: set[tuple[str, str]]) -> None:
    missed = PAIRS - found
    wrong = found - PAIRS
    teams = {row["bsnid"]: row["team"] for row in ROWS}
    told = [[teams[key] for key in pair] for pair in (*sorted(missed), *sorted(wrong))]
    assert len(missed) <= 0.05 * PLANTED, told
    assert len(wrong) <= 0.02 * len(found), told


def test_names_distinguish_planted_pairs_from_honest_ones() -> None:
    by_area: dict[str, list[dict[str, str]]] = {}
    for row in ROWS:
        by_area.setdefault(row["business_area"], []).append(row)
    judge(set(_alike(by_area)))


def _alike(by_area: dict[str, list[dict[str, str]]]) -> Iterator[tuple[str, str]]:
    """Compare those that have a word's beginning in common: all pairs would take long."""
    for rows in by_area.values():
        for one, other in combinations(rows, 2):
            if len(one["team"]) - len(other["team"]) in range(-16, 17):
                is_same_key = one["bsnid"].lower() == other["bsnid"].lower()
                if is_same_key or likeness(one["team"], other["team"]) >= ALIKE:
                    first, second = sorted((one["bsnid"], other["bsnid"]))
                    yield first, second


@pytest.fixture
def planted_teams(warehouse: Warehouse) -> Warehouse:
    return warehouse


def test_the_warehouse_finds_them_in_one_statement(
    planted_teams: Warehouse, statements: Statements
) -> None:
    with statements() as done:
        found = find.find(planted_teams)
    assert len(done) == 1
    assert not found.is_cut
    pairs = ((each.one.bsnid, each.other.bsnid) for each in found.pairs)
    judge({tuple(sorted(pair)) for pair in pairs})
    row = next(
        row for row in ROWS if row["team"].startswith("Pricing") and "Team" not in row["team"]
    )
    name, area = row["team"].upper(), row["business_area"]
    assert row["bsnid"] in [each.bsnid for each in find.like(planted_teams, name, area)]
    assert find.like(planted_teams, name, "Another area") == []
    one = next(iter(sorted(PAIRS)))
    assert one[1] in [each.bsnid for each in find.like_account(planted_teams, one[0])]


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ("Claims Operations", "Ops, Claims (Team)", True),
        ("R & D", "r and d dept", True),
        ("Café Müller", "CAFE MULLER", True),
        ("Data Platform", "Dataplatform", True),
        ("Mkting Analytics", "Marketing Analytics", True),
        ("Team 12", "Team 13", False),
        ("Claims 10045", "Claims 10046", False),
        ("Import", "Export", False),
        ("Claims", "Claims Processing", False),
        ("North Claims", "South Claims", False),
        ("", "", False),
    ],
)
def test_what_people_call_the_same(one: str, other: str, is_alike: bool) -> None:
    assert (likeness(one, other) >= ALIKE) is is_alike


def test_a_pair_that_two_people_decided_at_once_is_one_pair() -> None:
    teams = [{"bsnid": bsnid, "team": "Claims"} for bsnid in ("B2", "B1")]
    rows = [{"mark": f"decided {person}", "teams": teams} for person in ("ana", "bo")]
    _, [pair] = decided.split(rows)
    assert (pair.one.bsnid, pair.other.bsnid) == ("B1", "B2")
