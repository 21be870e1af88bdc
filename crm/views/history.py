"""The history: who changed what and when, in one account or in all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from crm.model.changes import DELETED, KINDS, Change
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import versions
from crm.repository.past import change_feed, history
from crm.repository.past.history import OUTSIDE, History, Wanted
from crm.request import Request

from . import _list_file, _respond

# One person's operations that lie so close together are one group on the page.
TOGETHER = dt.timedelta(minutes=5)
SHOWN = 5
# In a file; on the page Wanted's own size applies.
ROWS_PER_STATEMENT = 1_000


@dataclass(frozen=True)
class Group:
    """The changes that one person made to one account at about one time, the latest first."""

    person: str
    outside: bool
    bsnid: str
    team: str
    changes: list[Change]

    @classmethod
    def of(cls, change: Change) -> Group:
        return cls(change.person, change.outside, change.bsnid, change.team, [])

    def includes(self, change: Change) -> bool:
        """Return whether an earlier operation of the person belongs to this group."""
        same = (self.person, self.outside) == (change.person, change.outside)
        return same and self.moment - _moment(change) < TOGETHER

    @property
    def moment(self) -> dt.datetime:
        return _moment(self.changes[0])

    @property
    def deletes_account(self) -> bool:
        latest = self.changes[0]
        return latest.table is ACCOUNTS and latest.kind == DELETED

    @property
    def before(self) -> dt.datetime:
        """The last moment before the deletions with which these changes end."""
        *_, first = takewhile(lambda change: change.kind == DELETED, self.changes)
        return _moment(first) - dt.timedelta(milliseconds=1)

    @property
    def first(self) -> list[Change]:
        return self.changes[: len(self.changes) - len(self.others)]

    @property
    def others(self) -> list[Change]:
        """The changes that the page folds away, such as those of an import."""
        return self.changes[SHOWN:] if len(self.changes) > SHOWN + 2 else []


@require_safe
def account_history(request: Request, bsnid: str) -> HttpResponseBase:
    wanted = replace(_wanted(request.GET), bsnid=bsnid)
    found = history.load(request.warehouse, wanted)
    if not found.known:
        raise Http404(
            f"There is no account “{bsnid}”, and the kept history has no changes of one."
        )
    return _show(request, found, {"bsnid": bsnid, "team": found.team or bsnid})


@require_safe
def activity(request: Request) -> HttpResponseBase:
    return _show(request, history.load(request.warehouse, _wanted(request.GET)), {})


@require_safe
def reach(request: Request) -> HttpResponse:
    """Show how far back the history goes. The history page loads this part separately."""
    since = change_feed.known_since(request.warehouse)
    return render(request, "history/_reach.html", {"since": since})


def _show(request: Request, found: History, more: dict[str, Any]) -> HttpResponseBase:
    if request.GET.get("format") in _list_file.FORMATS:
        return _download(request, found)
    changes = _with_outsiders(request, found.changes)
    context = {
        "history": found,
        "groups": _grouped(changes),
        "filters": _filters(request, found),
        "links": _page_links(request, found),
        "exports": [(name, _url(request, format=form, page=None)) for name, form in _EXPORTS],
        "narrowed": _is_narrowed(request.GET),
        **more,
    }
    if request.htmx and request.htmx.target == "dialog":
        return render(request, "history/_dialog.html", context)
    return _respond.show(request, "history/page.html", "history/_list.html", context)


_EXPORTS = (("CSV", "csv"), ("Excel", "xlsx"))
_PARAMETERS = ("person", "field", "kind", "table", "record", "since", "until")


def _wanted(query: QueryDict) -> Wanted:
    """Read the URL's parameters; wrong ones count as absent."""
    page = query.get("page", "")
    return Wanted(
        key=query.get("record", "")[:64],
        person=query.get("person", "")[:200],
        field=query.get("field", ""),
        kind=query.get("kind", ""),
        table=query.get("table", ""),
        since=_day(query.get("since")),
        until=_day(query.get("until"), 1),
        page=int(page) if page.isdecimal() and 0 < int(page) < 1_000_000 else 1,
    )


def _day(text: str | None, after: int = 0) -> dt.datetime | None:
    """Return when a day begins in the reader's zone, or the day so many days ``after`` it."""
    try:
        day = parse_date(text or "")
        if day is None:
            return None
        start = dt.datetime.combine(day + dt.timedelta(days=after), dt.time())
        return timezone.make_aware(start).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _is_narrowed(query: QueryDict) -> bool:
    return any(query.get(name) for name in _PARAMETERS)


def _grouped(changes: list[Change]) -> list[Group]:
    """Group changes, latest first, by account, operation and person.

    An operation's changes of an account are one group, whatever lies between them. So are one
    person's operations, even if changes of other accounts lie between them.
    """
    groups: list[Group] = []
    latest: dict[str, Group] = {}
    of_operation: dict[tuple[str, str], Group] = {}
    for change in changes:
        key = (change.bsnid, change.operation)
        group = of_operation.get(key)
        if group is None:
            group = latest.get(change.bsnid)
            if group is None or not group.includes(change):
                group = latest[change.bsnid] = Group.of(change)
                groups.append(group)
            if change.operation:
                of_operation[key] = group
        group.changes.append(change)
    return groups


def _with_outsiders(request: Request, changes: list[Change]) -> list[Change]:
    """Add the user to changes from outside the CRM: Delta's own history has the name."""
    outside = [change for change in changes if change.outside]
    if not outside:
        return changes
    wh = request.warehouse.at(request.warehouse.namespace.present)
    commits = {(change.table, change.version) for change in outside if change.version is not None}
    people = versions.committers(wh, commits)
    return [
        replace(change, person=people[change.table, change.version])
        if change.outside and change.version is not None
        else change
        for change in changes
    ]


def _moment(change: Change) -> dt.datetime:
    assert change.moment is not None  # only the changes of a diff have none
    return change.moment


@dataclass(frozen=True)
class Filter:
    name: str
    label: str
    options: list[tuple[str, str]]
    chosen: str


def _filters(request: Request, found: History) -> list[Filter]:
    people = [(person, person) for person in found.people]
    tables = [(table.name, table.plural.capitalize()) for table in TABLES]
    given = (
        ("person", "Who", [*people, (OUTSIDE, "Outside EDIP CRM")]),
        ("kind", "What happened", [(kind, kind.capitalize()) for kind in KINDS]),
        ("table", "Kind of record", tables),
        ("field", "Field", sorted(history.fields().items(), key=lambda item: item[1])),
    )
    return [Filter(name, label, opts, request.GET.get(name, "")) for name, label, opts in given]


def _page_links(request: Request, found: History) -> dict[str, str]:
    links = {}
    if found.page > 1:
        links["newer"] = _url(request, page=found.page - 1)
    if found.page < found.last:
        links["older"] = _url(request, page=found.page + 1)
    return links


def _url(request: Request, **changes: Any) -> str:
    given = {name: request.GET.get(name) for name in (*_PARAMETERS, "page")} | changes
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{request.path}?{query}" if query else request.path


def _download(request: Request, found: History) -> HttpResponseBase:
    wanted = replace(found.wanted, page=1, size=ROWS_PER_STATEMENT)
    first = history.load(request.warehouse.within(None), wanted)
    name = _list_file.file_name(request, "history", request.GET["format"])
    return _list_file.FORMATS[request.GET["format"]](_rows(request, first), list(_COLUMNS), name)


_COLUMNS = (
    "moment",
    "person",
    "outside",
    "account",
    "team",
    "table",
    "record",
    "what",
    "field",
    "old",
    "new",
)


def _rows(request: Request, found: History) -> Iterator[dict[str, Any]]:
    """Return one row per changed field, without changes that are made meanwhile."""
    until = _end(found)
    while True:
        for change in _with_outsiders(request, found.changes):
            row = {
                "moment": change.moment,
                "person": change.person,
                "outside": "yes" if change.outside else "",
                "account": change.bsnid,
                "team": change.team,
                "table": change.table.name,
                "record": change.key,
                "what": change.what,
            }
            for field in change.fields:
                extra = {"field": field.column.name, "old": field.before, "new": field.after}
                yield row | extra
            if not change.fields:
                yield row | {"field": "", "old": "", "new": ""}
        if found.page >= found.last:
            return
        wanted = replace(found.wanted, page=found.page + 1, until=until)
        found = history.load(request.warehouse.within(None), wanted)


def _end(found: History) -> dt.datetime | None:
    """Return the moment after the latest change, which the first page has."""
    if not found.changes:
        return found.wanted.until
    return _moment(found.changes[0]) + dt.timedelta(microseconds=1)
