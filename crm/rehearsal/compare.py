"""Find the differences between a warehouse's answers and the expected ones, and rate them.

A difference matters if the CRM would read or show something else: another of our error classes, a
missing column, another type or number. These do not matter: additional columns, the number of
lines of a command that describes a table, the warehouse's own name of an error, and optional
features.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path

from .cases import ALL
from .observed import Answer
from .rehearse import Outcome

EXPECTED = Path(__file__).with_name("expected.json")

_CASES = {case.name: case for case in ALL}
# Commands whose number of rows depends on the warehouse, like queries of its own views.
_DESCRIBE = {"DESCRIBE", "SHOW"}


@dataclass(frozen=True)
class Difference:
    case: str
    what: str
    text: str
    matters: bool = True


def differences(expected: Mapping[str, Outcome], found: Mapping[str, Outcome]) -> list[Difference]:
    """Return the differences of the found outcomes; cases that did not run have none."""
    return [
        replace(each, matters=each.matters and _may_matter(each))
        for name, outcome in found.items()
        for each in _of_case(name, expected.get(name), outcome)
    ]


def _may_matter(difference: Difference) -> bool:
    case = _CASES.get(difference.case)
    if case is None or case.is_optional:
        return False
    varies = difference.text.startswith(("rows: ", "the statement "))
    return not (varies and difference.what.partition(" ")[2] in case.varying)


def read(file: Path = EXPECTED) -> dict[str, Outcome]:
    kept = json.loads(file.read_text())
    shapes, outcomes = kept["columns"], {}
    for name, case in kept["cases"].items():
        for answer in case["answers"]:
            if "columns" in answer:
                answer["columns"] = shapes[answer["columns"]]
        outcomes[name] = Outcome(case["result"], case["answers"])
    return outcomes


def write(outcomes: Mapping[str, Outcome], file: Path = EXPECTED) -> None:
    """Write one line per answer, by kind; shared lists of columns are written once."""
    shapes: list[Mapping[str, str]] = []

    def line(answer: Answer) -> str:
        if "columns" in answer:
            if answer["columns"] not in shapes:
                shapes.append(answer["columns"])
            answer = {**answer, "columns": shapes.index(answer["columns"])}
        return f"   {_line(answer)}"

    cases = ",\n".join(
        f'  {_line(name)}: {{"result": {_line(case.result)}, "answers": [\n'
        + ",\n".join(map(line, sorted(case.answers, key=itemgetter("what"))))
        + "\n  ]}"
        for name, case in outcomes.items()
    )
    columns = ",\n".join(f"  {_line(shape)}" for shape in shapes)
    file.write_text(f'{{"columns": [\n{columns}\n ],\n "cases": {{\n{cases}\n }}\n}}\n')


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _of_case(name: str, expected: Outcome | None, found: Outcome) -> Iterator[Difference]:
    if expected is None:
        yield Difference(name, "", "nobody knows what to expect: record it", matters=False)
        return
    if expected.result != found.result:
        text = f"“{found.result}” instead of “{expected.result}”"
        yield Difference(name, "result", text)
    # Some statements run at the same moment, so only those of one kind have an order.
    kinds = list(dict.fromkeys(each["what"] for each in (*expected.answers, *found.answers)))
    for what in kinds:
        pairs = zip_longest(_of_kind(expected, what), _of_kind(found, what))
        for place, (wanted, answer) in enumerate(pairs, 1):
            label = f"{what} ({place})" if place > 1 else what
            for text, matters in _of_answer(what, wanted, answer):
                yield Difference(name, label, text, matters)


def _of_kind(outcome: Outcome, what: str) -> list[Answer]:
    return [answer for answer in outcome.answers if answer["what"] == what]


def _of_answer(
    what: str, wanted: Answer | None, found: Answer | None
) -> Iterator[tuple[str, bool]]:
    """Yield (text, whether the difference matters)."""
    describes = what.split()[0] in _DESCRIBE or "information_schema" in what
    if wanted is None or found is None:
        missing = "did not run" if found is None else "ran, which was not expected"
        yield f"the statement {missing}", not describes
    elif "error" in wanted or "error" in found:
        yield from _of_errors(wanted, found)
    else:
        yield from _of_columns(wanted.get("columns", {}), found.get("columns", {}))
        for name in ("rows", "changed"):
            if wanted.get(name) != found.get(name):
                text = f"{name}: {found.get(name)} instead of {wanted.get(name)}"
                yield text, not describes


def _of_errors(wanted: Answer, found: Answer) -> Iterator[tuple[str, bool]]:
    if wanted.get("error") != found.get("error"):
        yield f"{_error(found)} instead of {_error(wanted)}", True
    elif _error(wanted) != _error(found):
        yield f"{_error(found)} instead of {_error(wanted)}", False


def _error(answer: Answer) -> str:
    if "error" not in answer:
        return "no error"
    return " ".join(filter(None, (answer["error"], answer["error_class"], answer["sqlstate"])))


def _of_columns(wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    if wanted and found:
        if missing := [name for name in wanted if name not in found]:
            yield f"columns are missing: {', '.join(missing)}", True
        if more := [name for name in found if name not in wanted]:
            yield f"there are more columns: {', '.join(more)}", False
    for name, kind in wanted.items():
        other = found.get(name, kind)
        # If all values are NULL, the type is unknown.
        if other != kind and "null" not in (kind, other):
            yield f"{name} is {other} instead of {kind}", True
