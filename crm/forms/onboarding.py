"""The form of a new account and of its first statuses, use case and update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from crm.model import vocabulary
from crm.model.schema import PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.records.onboarding import Beginning
from crm.repository.similar_teams.decided import Team

from .fields import field_for
from .records import AccountForm

PROBLEM, NEWS = "first_problem", "first_update"
# The button that passes the warning of similar teams over, and the BSNIDs that this has named.
ANYWAY, NAMED = "anyway", "named"


class NewAccountForm(AccountForm):
    """Creates an account. ``closed`` are the tables for which the form has no fields.

    ``similar`` are accounts similar to the new one, which the person sees before it is saved. If
    the page's field ``check`` is missing, as in a form sent by a program, they are not looked up.
    """

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        closed: tuple[Table, ...] = (),
        bsnid: str = "",
        masked: frozenset[str] = frozenset(),
    ) -> None:
        self._closed = closed
        super().__init__(data, new=True, masked=masked, initial={"bsnid": bsnid} if bsnid else {})
        self.own_names = list(self.fields)
        self.fields |= self._beginning()
        self.needs_check = data is None or "check" in data
        self.similar: list[Team] = []
        self._passed_over = set(data.getlist(NAMED)) if data and ANYWAY in data else set()

    def _beginning(self) -> dict[str, forms.Field]:
        found: dict[str, forms.Field] = {}
        if PLATFORMS_STATUS not in self._closed:
            for number, platform in enumerate(vocabulary.platforms()):
                found[f"first_status_{number}"] = status = field_for(
                    PLATFORMS_STATUS.column("status")
                )
                status.label, status.required = platform, False
        for table, name, column, label in (
            (USE_CASES, PROBLEM, "problem", "First use case: the problem to be solved"),
            (UPDATES, NEWS, "description", "Kickoff update"),
        ):
            if table not in self._closed:
                found[name] = text = field_for(table.column(column))
                text.label, text.required = label, False
                text.widget.attrs["rows"] = 3
        return found

    @property
    def own_fields(self) -> list[Any]:
        return [self[name] for name in self.own_names]

    @property
    def beginning_fields(self) -> list[Any]:
        return [self[name] for name in self.fields if name not in self.own_names]

    @property
    def is_begun(self) -> bool:
        """Return whether the fields of the first records have any input."""
        return any(field.value() or field.errors for field in self.beginning_fields)

    def warns(self, found: Sequence[Team]) -> bool:
        """Show these accounts as similar, and return whether the person has to see them first.

        Only *Create anyway* overrides a warning, and only if the warning has named all of them.
        """
        self.similar = sorted(found, key=lambda team: team.bsnid in self._passed_over)
        return any(team.bsnid not in self._passed_over for team in found)

    def beginning(self, author: str, today: Any) -> Beginning:
        """Return the first records of a valid form, with this author and day."""
        given = self.cleaned_data
        statuses = {
            platform: given[f"first_status_{number}"]
            for number, platform in enumerate(vocabulary.platforms())
            if given.get(f"first_status_{number}")
        }
        problem, news = given.get(PROBLEM), given.get(NEWS)
        return Beginning(
            statuses,
            {"problem": problem, "status": vocabulary.use_case_statuses()[0]} if problem else {},
            {"description": news, "author": author, "date": today} if news else {},
        )

    def propose(self, bsnid: str) -> None:
        """Offer a BSNID that looks free, instead of the one that is in use.

        A hidden account's BSNID also looks free; it is not offered a second time.
        """
        if bsnid and bsnid != self.data.get("bsnid", "").strip():
            self.add_error("bsnid", f"{bsnid} looks free.")
