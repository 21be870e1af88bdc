"""The history: who changed what and when, in one account or in all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model.changes import KINDS, Change
from crm.model.schema import TABLES
from crm.repository import versions
from crm.repository.past import history
from crm.repository.past.cursor import Cursor
from crm.repository.past.history import OUTSIDE, History, Wanted
from crm.repository.records import accounts
from crm.repository.tables import change_feed
from crm.request import Request, page_number

from . import _account_filter, _dates, _facets, _list_file, _mine, _respond, _revert_links
from ._history_groups import Group, grouped, mark_returned, moment_of

# For a file; a page has the default size of Wanted.
ROWS_PER_STATEMENT = 1_000


@require_safe
def account_history(request: Request, bsnid: str) -> HttpResponseBase:
    wanted = replace(_wanted(request.GET), bsnid=bsnid)
    found = history.load(request.warehouse, wanted)
    return _show(request, found, {"bsnid": bsnid, "team": _team(request, bsnid, found) or bsnid})


def _team(request: Request, bsnid: str, found: History) -> str:
    """Return the account's team, or an empty text. Without a change it runs one or two statements.

    Raises Http404 if neither the account nor a change of it is known.
    """
    wanted = found.wanted
    if found.known:
        return found.team
    if (wanted.until or wanted.after) and history.load(request.warehouse, Wanted(bsnid)).known:
        return ""  # the URL's filters leave out its changes
    account = accounts.get(request.warehouse, bsnid)  # its changes may be older than the history
    if account is None:
        raise Http404(
            f"There is no account “{bsnid}”, and the kept history has no changes of one."
        )
    return account.team or ""


@require_safe
def activity(request: Request) -> HttpResponseBase:
    wanted = _wanted(request.GET)
    # An import is one entry, except in the history of a record or of the import itself.
    wanted = replace(wanted, is_gathered=not (wanted.key or wanted.operation))
    found, is_mine = _account_filter.load(
        request, lambda of: history.load(request.warehouse, replace(wanted, accounts=of))
    )
    facets = _account_filter.facets(request, request.path, _state(request))
    more = {"mine": _mine.asked(request), "is_mine": is_mine, "facets": facets}
    return _show(request, found, more)


@require_safe
def activity_facet(request: Request, name: str) -> HttpResponse:
    """Show the values of a filter of the activity."""
    if name == "person":
        context = {"filter": _who(request, history.people(request.warehouse))}
        return render(request, "history/_options.html", context)
    return _account_filter.show_facet(request, name, _state(request))


@require_safe
def reach(request: Request) -> HttpResponse:
    """Show how far back the history goes. The history page loads this part separately."""
    since = change_feed.known_since(request.warehouse)
    return render(request, "history/_reach.html", {"since": since})


def _show(request: Request, found: History, more: dict[str, Any]) -> HttpResponseBase:
    if request.GET.get("format") in _list_file.FORMATS:
        return _download(request, found)
    changes = mark_returned(_with_outsiders(request, found.changes))
    context = {
        "history": found,
        "no_days": _no_days(request.GET),
        "groups": list(_groups(request, changes)),
        "filters": _filters(request, found),
        "links": _page_links(request, found),
        "exports": [(name, _url(request, format=form, page=None)) for name, form in _EXPORTS],
        "narrowed": found.wanted.is_narrowed,
        **more,
    }
    if request.htmx and request.htmx.target == "dialog":
        return render(request, "history/_dialog.html", context)
    return _respond.show(request, "history/page.html", "history/_list.html", context)


_EXPORTS = (("CSV", "csv"), ("Excel", "xlsx"))
# The URL parameters that filter the history, and their names in Wanted.
_PARAMETERS = {
    name: name for name in ("person", "field", "kind", "table", "operation", "since", "until")
} | {"record": "key"}


def _wanted(query: QueryDict) -> Wanted:
    """Read the URL's parameters; wrong ones count as absent."""
    return Wanted(
        key=query.get("record", "")[:64],
        operation=query.get("operation", "")[:64],
        person=query.get("person", "")[:200],
        field=_known(query.get("field", ""), history.fields()),
        kind=_known(query.get("kind", ""), KINDS),
        table=_known(query.get("table", ""), [table.name for table in TABLES]),
        since=_dates.start_of_day(query.get("since")),
        until=_dates.start_of_day(query.get("until"), 1),
        page=page_number(query.get("page", "")),
        after=Cursor.read(query.get("after", "")),
    )


def _no_days(query: QueryDict) -> list[str]:
    """Return the values of the filters by day that are no days."""
    given = (query.get(name, "") for name in ("since", "until"))
    return [text for text in given if text and _dates.start_of_day(text) is None]


def _known(word: str, words: Collection[str]) -> str:
    return word if word in words else ""


def _groups(request: Request, changes: list[Change]) -> Iterator[Group]:
    """Return the groups. The first group of an operation has its Undo, or says who undid it."""
    seen: set[str] = set()
    for group in grouped(changes):
        yield group if group.operation in seen else _with_undo(request, group)
        seen.add(group.operation)


def _with_undo(request: Request, group: Group) -> Group:
    """Add who undid the operation, or the URL where the person can undo it."""
    change = group.changes[0]
    undone = change.undo
    if request.as_of:
        return replace(
            group, undone=undone if undone and undone.moment <= request.as_of.moment else None
        )
    group = replace(group, undone=undone)
    is_mine = group.person == request.warehouse.actor and request.person.may_write
    if not (is_mine and change.started_at) or (undone and undone.finished):
        return group
    undo = _revert_links.operation_url(request, change.operation, change.started_at)
    return replace(group, undo=undo)


def _with_outsiders(request: Request, changes: list[Change]) -> list[Change]:
    """Add the user's name, from the Delta history, to changes made outside the CRM."""
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


@dataclass(frozen=True)
class Filter:
    name: str
    label: str
    options: list[tuple[str, str]]
    chosen: str


def _filters(request: Request, found: History) -> list[Filter]:
    tables = [(table.name, table.plural.capitalize()) for table in TABLES]
    given = (
        ("kind", "What happened", [(kind, kind.capitalize()) for kind in KINDS]),
        ("table", "Kind of record", tables),
        ("field", "Field", sorted(history.fields().items(), key=lambda item: item[1])),
    )
    others = [Filter(name, label, opts, request.GET.get(name, "")) for name, label, opts in given]
    return [_who(request, found.people), *others]


def _who(request: Request, people: Collection[str]) -> Filter:
    """Return the filter by person. The activity reads only its newest changes; opening the filters
    fetches the other people."""
    chosen = request.GET.get("person", "")
    known = sorted({*people, chosen} - {"", OUTSIDE})
    options = [*((person, person) for person in known), (OUTSIDE, "Outside EDIP CRM")]
    return Filter("person", "Who", options, chosen)


def _page_links(request: Request, found: History) -> dict[str, str]:
    links = {}
    if found.wanted.after:
        links["newest"] = _url(request, page=None)
    elif found.page > 1:
        links["newer"] = _url(request, page=found.page - 1)
    if found.older:
        links["older"] = _url(request, page=None, after=found.older)
    elif found.page < found.last:
        links["older"] = _url(request, page=found.page + 1)
    return links


def _state(request: Request) -> _facets.State:
    """Return the URL parameters that filter the history."""
    wanted = _wanted(request.GET)
    applying = (name for name, field in _PARAMETERS.items() if getattr(wanted, field))
    return [(name, request.GET[name]) for name in applying] + _account_filter.pairs(request)


def _url(request: Request, **changes: Any) -> str:
    given = {"page": request.GET.get("page")} | changes
    state = _state(request) + [(name, value) for name, value in given.items() if value]
    return f"{request.path}?{urlencode(state)}" if state else request.path


def _download(request: Request, found: History) -> HttpResponseBase:
    wanted = replace(found.wanted, is_gathered=False, page=1, after=None, size=ROWS_PER_STATEMENT)
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
    "reason",
)


def _rows(request: Request, found: History) -> Iterator[dict[str, Any]]:
    """Yield one row per changed field, without changes made after the first page was read."""
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
                "reason": change.reason,
            }
            for field in change.fields:
                extra = {"field": field.column.name, "old": field.before, "new": field.after}
                yield row | extra
            if not change.fields:
                yield row | {"field": "", "old": "", "new": ""}
        if found.older:
            wanted = replace(found.wanted, page=1, after=found.older)
        elif found.page < found.last:
            wanted = replace(found.wanted, page=found.page + 1, until=until)
        else:
            return
        found = history.load(request.warehouse.within(None), wanted)


def _end(found: History) -> dt.datetime | None:
    """Return the moment after the latest change, which is on the first page."""
    if not found.changes:
        return found.wanted.until
    return moment_of(found.changes[0]) + dt.timedelta(microseconds=1)
