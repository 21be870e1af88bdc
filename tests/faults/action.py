"""An action of the matrix: what a person does on a page, and what must be true afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bs4 import Tag
from django.http import HttpResponse
from django.test import Client

from crm.warehouse import Warehouse

from ..pages.html import parsed
from .browser import Browser
from .rows import Rows, Wanted

TYPED = "Typed with care"
# Statements that write records.
WRITES = r"^\s*(MERGE INTO|INSERT INTO|UPDATE|DELETE FROM)\s+(?!\S*operations)"


@dataclass
class Stage:
    """One cell: a person's browser, an action, and a family of accounts, whose BSNIDs begin alike.

    ``wh`` has its own connections, which no fault affects. ``facts`` is what the action remembers.
    """

    client: Client | Browser
    wh: Warehouse
    name: str
    action: Action
    bsnid: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def use_case(self) -> str:
        return f"{self.bsnid}-use-case"

    @property
    def update(self) -> str:
        return f"{self.bsnid}-update"

    @property
    def status(self) -> str:
        return f"{self.bsnid}-status"

    def page(self, path: str = "") -> str:
        return f"/accounts/{self.bsnid}/{path}"


def family(number: int) -> str:
    """Return the BSNID of a family's account; no other BSNID begins with it."""
    return f"C{number:02}"


def _nothing(stage: Stage) -> None:
    pass


def _changes_nothing(stage: Stage, before: Rows) -> Wanted:
    return {}


@dataclass(frozen=True)
class Action:
    """``act`` runs while the fault is there, ``prepare`` before.

    :param wanted: how the rows should change; nothing for an action that only reads. :param at:
    which statement that writes fails. :param field: the field with what the person typed or chose,
    in the form ``keeps``. :param typed: what that is; empty for the family's BSNID. :param
    is_long: whether it is long work, which has no deadline. :param done: the statuses of answers
    that say that all was done. :param refusal: where such an answer says that nothing was done, as
    a CSS selector.
    """

    act: Callable[[Stage], HttpResponse]
    prepare: Callable[[Stage], None] = _nothing
    wanted: Callable[[Stage, Rows], Wanted] = _changes_nothing
    at: int = 1
    field: str = ""
    typed: str = TYPED
    keeps: str = "main form[method=post]"
    is_long: bool = False
    is_import: bool = False
    done: tuple[int, ...] = (200, 303)
    refusal: str = ""

    @property
    def reads(self) -> bool:
        return self.wanted is _changes_nothing

    @property
    def writes(self) -> str | None:
        return None if self.reads else WRITES

    def is_done(self, response: HttpResponse) -> bool:
        """Return whether the answer says that all was done."""
        if self.is_import:
            return re.search(rb"<h2>(Imported|There was nothing)", response.content) is not None
        if self.refusal and parsed(response).select_one(self.refusal):
            return False
        return response.status_code in ((200, 204) if self.reads else self.done)

    def form(self, response: HttpResponse) -> Tag | None:
        """Return the form by which the person sends the same again."""
        return parsed(response).select_one(self.keeps)
