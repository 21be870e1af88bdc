"""The report of a rehearsal: text without data, names of people, addresses or tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .compare import Difference
from .rehearse import Outcome


def text(outcomes: Mapping[str, Outcome], found: Sequence[Difference], versions: str) -> str:
    """Return the report as Markdown."""
    statements = sum(len(outcome.answers) for outcome in outcomes.values())
    heading = f"{len(outcomes)} cases, {statements} statements; {versions}"
    mattering = [each for each in found if each.matters]
    other = [each for each in found if not each.matters]
    parts = [
        "# Rehearsal",
        heading,
        "## Differences that matter",
        _list(mattering) or "None: this warehouse answers as the CRM expects.",
        "## Other differences",
        _list(other) or "None.",
        "## Cases",
        "\n".join(f"- {name}: {outcome.result}" for name, outcome in outcomes.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _list(found: Sequence[Difference]) -> str:
    return "\n".join(
        f"- **{each.case}**{f', {each.what}' if each.what else ''}: {each.text}" for each in found
    )
