"""The rows of a bulk change, and the signed plan that its preview sends with the button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from crm.forms.fields import posted
from crm.model.records import Listing, Page
from crm.model.schema import Table
from crm.repository.bulk.actions import Action, Move, SetField, SetStatus, WriteUpdate
from crm.repository.bulk.change import Preview
from crm.repository.bulk.delete_action import Delete
from crm.repository.bulk.selection import Planned, Selection
from crm.request import Request

from . import _list_state, _signed_plans
from ._list_controls import Chip, Controls
from ._signed_plans import Signed
from ._subject import Subject

Change = Action | Delete
_KIND = "bulk"


@dataclass(frozen=True)
class Chosen:
    """The rows that a person chose in the list of ``subject``, as the URL parameters
    ``query``."""

    query: str
    selection: Selection
    subject: Subject

    @classmethod
    def read(cls, query: str, person: str, subject: Subject) -> Chosen:
        """Read the parameters: each ``key``, or ``all`` with the list's filters."""
        given = QueryDict(query)
        listing = _list_state.read(given, subject, person)
        keys = () if "all" in given else tuple(dict.fromkeys(given.getlist("key")))
        return cls(query, Selection(listing, keys, subject.table), subject)

    @property
    def is_empty(self) -> bool:
        return not self.selection.keys and "all" not in QueryDict(self.query)

    @property
    def only(self) -> str:
        """Return the only kind of change that the page offers; empty if it offers all."""
        return QueryDict(self.query).get("do", "")

    @property
    def table(self) -> Table:
        return self.subject.table

    @property
    def listing(self) -> Listing:
        return self.selection.listing

    @property
    def list_url(self) -> str:
        """Return the URL of the list in which the rows were chosen."""
        return self.subject.list_url + _list_state.query(self.listing, self.subject)

    @property
    def choose_url(self) -> str:
        """Return the URL of the page that offers the changes."""
        return f"{self.step_url('change')}?{self.query}"

    @property
    def preview_url(self) -> str:
        return self.step_url("preview")

    @property
    def run_url(self) -> str:
        return self.step_url("run")

    def step_url(self, step: str) -> str:
        return reverse(f"{self.subject.url_name}-bulk", args=[step])

    @property
    def chips(self) -> list[Chip]:
        """Return the search and the filters that select them; none for chosen rows."""
        page = Page[Any]((), 0, self.listing)
        return [] if self.selection.keys else Controls(self.subject, "", page).chips


@dataclass(frozen=True)
class Plan(Signed):
    """A bulk change that was previewed."""

    action: Change
    rows: tuple[Planned, ...]
    chosen: Chosen


def sign(request: Request, action: Change, preview: Preview, chosen: Chosen) -> str:
    """Return the signed form field that allows this person to make the previewed change."""
    facts = {
        "table": action.of.name,
        "action": _facts(action),
        # A short form for most rows, since there may be thousands.
        "rows": [
            [row.key, row.seen, row.is_new, *([True] if row.has_copies else [])]
            for row in preview.changes
        ],
        "query": chosen.query,
    }
    return _signed_plans.sign(request, _KIND, preview.moment, facts)


def read(request: Request, subject: Subject) -> Plan | None:
    """Return the plan that the form sent; None if it is invalid or of another list."""

    def make(signed: Signed, facts: Mapping[str, Any]) -> Plan | None:
        if facts["table"] != subject.table.name:
            return None
        rows = (Planned(key, key, None, *more) for key, *more in facts["rows"])
        action = _action(facts["action"], subject.table)
        chosen = Chosen.read(facts["query"], request.person.email, subject)
        return Plan(signed.operation, signed.began, action, tuple(rows), chosen)

    return _signed_plans.read(request, _KIND, make)


def _facts(action: Change) -> dict[str, Any]:
    if isinstance(action, SetField):
        return {"column": action.column, "value": action.value, "reason": action.reason}
    if isinstance(action, Move):
        return {"to": action.bsnid, "team": action.team}
    if isinstance(action, SetStatus):
        return {"platform": action.platform, "status": action.status, "reason": action.reason}
    if isinstance(action, Delete):
        return {"delete": True}
    assert isinstance(action, WriteUpdate)
    return {"update": {name: posted(value) for name, value in action.values.items()}}


def _action(facts: Mapping[str, Any], of: Table) -> Change:
    if "column" in facts:
        return SetField(facts["column"], facts["value"], of, facts["reason"])
    if "to" in facts:
        return Move(facts["to"], facts["team"], of)
    if "platform" in facts:
        return SetStatus(facts["platform"], facts["status"], facts["reason"])
    if "delete" in facts:
        return Delete(of)
    return WriteUpdate(facts["update"])
