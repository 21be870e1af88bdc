"""The records that need attention, grouped by IT partner, VP or business area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model.schema import AREA
from crm.repository.records import attention as repository
from crm.repository.records.account_filter import AccountFilter
from crm.repository.records.attention import Attention, Flagged
from crm.request import Request

from . import _attention, _mine
from ._attention import Kind
from ._charts import link

_LABELS = {"primary_it_partner": "IT partner", "vp": "VP", "business_area": "business area"}


@dataclass(frozen=True)
class Cell:
    """The number of records of one kind in one group, and the list that shows them."""

    count: int
    kind: Kind
    url: str


@dataclass(frozen=True)
class Group:
    name: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True)
class Section:
    """A kind with its first rows, and the list that shows all."""

    kind: Kind
    count: int
    url: str
    rows: tuple[Flagged, ...]


@require_safe
def attention(request: Request) -> HttpResponse:
    asked = request.GET.get("by", "")
    by = asked if asked in repository.GROUPS else repository.GROUPS[0]
    limits = _attention.limits(request)
    found, is_mine = _mine.load(
        request, lambda of: repository.load(request.warehouse, limits, by, AccountFilter(of))
    )
    mine = {_mine.NAME: _mine.ON} if _mine.asked(request) else {}
    kinds = _attention.kinds(limits, found.counts, mine if is_mine else {})
    some = [kind for kind in kinds if any(found.counts.get(kind.key, {}).values())]
    context = {
        "attention": sections(kinds, found),
        "groups": _groups(some, found.counts, by),
        "columns": [kind.heading for kind in some],
        "by_label": _LABELS[by],
        "by_area": by == AREA,
        "choices": [
            (_LABELS[name], link("attention", {"by": name, **mine}), name == by)
            for name in repository.GROUPS
        ],
        "whose": [
            ("All accounts", link("attention", {"by": by}), not mine),
            ("Mine", link("attention", {"by": by, _mine.NAME: _mine.ON}), bool(mine)),
        ],
        "mine": mine,
        "is_mine": is_mine,
    }
    return render(request, "attention/attention.html", context)


def sections(kinds: list[Kind], found: Attention) -> list[Section]:
    return [
        Section(
            kind,
            sum(found.counts.get(kind.key, {}).values()),
            kind.url(),
            found.rows.get(kind.key, ()),
        )
        for kind in kinds
    ]


def _groups(kinds: list[Kind], counts: Mapping[str, Mapping[str, int]], by: str) -> list[Group]:
    """Return the groups that are not empty, the largest first."""
    names = {name for of_kind in counts.values() for name in of_kind}
    groups = []
    for name in names:
        cells = tuple(
            Cell(counts.get(kind.key, {}).get(name, 0), kind, kind.url(**{by: name}))
            for kind in kinds
        )
        groups.append(Group(name, cells, sum(cell.count for cell in cells)))
    return sorted(groups, key=lambda group: (-group.total, group.name.lower(), group.name))
