"""Create or migrate the tables in the app, without the job or the command."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from crm import access
from crm.repository.records import mine
from crm.repository.tables import set_up
from crm.repository.tables.migrations import CannotMigrate
from crm.repository.tables.set_up import Done, Part
from crm.request import Request
from crm.warehouse import Warehouse
from crm.warehouse.config import USER
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import WarehouseError

from . import _respond
from ._failures import failure_of

# The gateway gives up after 60 seconds. No part begins after BUDGET, all statements of the parts
# end within LIMIT, and REST is for reading what is left to do.
BUDGET, LIMIT, REST = 15.0, 40.0, 10.0

MAYBE_DONE = (
    "The warehouse may have done it anyway, or may still be doing it. Wait a minute, then "
    "continue, which is safe. If that does not help, “manage.py set_up” waits for ten minutes per "
    "statement."
)


@never_cache
@_respond.form_page
@access.for_admins
# It writes no rows, and before the tables exist nobody has rights on them.
@access.writes_nothing
def set_up_tables(request: Request) -> HttpResponse:
    """Show the remaining parts; a POST runs as many as fit into its time."""
    wh, done = request.warehouse, list[Done]()
    if request.method == "POST":
        # Creating tables takes longer than a page may.
        done = _run(wh.within(Deadline.after(LIMIT)))
        wh = wh.within(Deadline.after(REST))
    problem, parts = _left(wh, done)
    failed = [each for each in done if each.problem]
    if done and not parts and not failed and not problem:
        messages.success(request, "The tables are set up.")
        return _respond.go(request, _respond.local_url(request, reverse("overview")))
    status, rights = (503 if failed else 200), list[str]()
    if failed:
        request.refusal = "set-up"
    if any(each.is_forbidden for each in failed):
        status, rights = 403, set_up.needed_rights(wh)
    return _show(request, parts, status, done=done, problem=problem, rights=rights)


def offer(request: Request) -> HttpResponse | None:
    """Return the page for an administrator whose request failed because tables are missing.

    Return None if there is nothing to set up, or if that cannot be found out.
    """
    if not request.person.is_admin or request.method != "GET" or request.htmx:
        return None
    try:
        problem, parts = _plan(request.warehouse)
    except WarehouseError:
        return None
    if not (parts or problem):
        return None
    return _show(request, parts, 503, problem=problem, next=request.get_full_path())


def _plan(wh: Warehouse) -> tuple[str, list[Part]]:
    """Return (why the tables cannot be set up, the remaining parts)."""
    try:
        return "", set_up.plan(wh, settings.EDIP_HISTORY_DAYS)
    except CannotMigrate as error:
        return str(error), []


def _left(wh: Warehouse, done: list[Done]) -> tuple[str, list[Part]]:
    """Return the plan after the parts ``done`` were tried. Raises WarehouseError if none were."""
    try:
        return _plan(wh)
    except WarehouseError as error:
        if not done:
            raise
        title = failure_of(error).title
        return f"{title}, so what is left to do is unknown. Load the page again.", []


def _run(wh: Warehouse) -> list[Done]:
    started, done = time.monotonic(), list[Done]()
    _, parts = _plan(wh)
    for part in parts:
        try:
            done += set_up.run([part])
        except WarehouseError as error:
            done.append(Done(part, f"{failure_of(error).title}. {MAYBE_DONE}"))
            break
        if time.monotonic() - started > BUDGET:
            break
    # The tables of people may exist now.
    mine.forget_all()
    return done


def _show(request: Request, parts: list[Part], status: int, **context: Any) -> HttpResponse:
    names = settings.NAMESPACE
    context |= {
        "parts": parts,
        "place": f"{names.catalog}.{names.schema}",
        "own_rights": settings.WAREHOUSE.auth == USER,
        "next": context.get("next") or _respond.local_url(request, ""),
        "action": reverse("set-up"),
    }
    return render(request, "set_up/set_up.html", context, status=status)
