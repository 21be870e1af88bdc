"""The forms that create rows: the same tests use each of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bs4 import BeautifulSoup
from django.http import HttpResponse
from django.test import Client

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.warehouse import Warehouse

HTMX = {"HTTP_HX_REQUEST": "true"}


@dataclass
class CreatingForm:
    """One form that creates a row of ``table``; ``text`` is a field that people fill in.

    ``shown`` is the form as it was shown once: sent again, it has the same ids. ``bsnid`` is that
    of the row's account.
    """

    table: Table
    bsnid: str
    path: str
    text: str
    words: tuple[str, str]
    shown: dict[str, Any]
    warehouse: Warehouse = field(repr=False)

    def send(self, text: str = "", client: Client | None = None) -> HttpResponse:
        data = self.shown | {self.text: text or self.words[0]}
        headers = HTMX if self.table is PLATFORMS_STATUS else {}
        return (client or Client()).post(self.path, data, **headers)

    def texts(self) -> list[str]:
        """Return the text of each row that was created, read past the application."""
        sql = f"SELECT {self.text} AS text FROM {self.warehouse.namespace.table(self.table)}"
        rows = self.warehouse.query(f"{sql} WHERE {self.table.owner} = :of", {"of": self.bsnid})
        return [row["text"] for row in rows]

    def is_done(self, response: HttpResponse) -> bool:
        """Return whether the answer says that the row was saved."""
        return response.status_code in (200, 303)


# By name: what makes the form, whose row belongs to the account.
FORMS: dict[str, Callable[[Warehouse, str], CreatingForm]] = {
    "account": lambda wh, of: CreatingForm(
        ACCOUNTS,
        of,
        "/accounts/new/",
        "team",
        ("Payments", "Claims"),
        {"bsnid": of, "business_area": "Finance", "form_id": uuid.uuid4().hex},
        wh,
    ),
    "use case": lambda wh, of: CreatingForm(
        USE_CASES,
        of,
        f"/accounts/{of}/use-cases/new/",
        "problem",
        ("Too slow", "Too dear"),
        {"id": str(uuid.uuid4()), "status": "Active", "platform": "Snowflake"},
        wh,
    ),
    "composer": lambda wh, of: CreatingForm(
        UPDATES,
        of,
        f"/accounts/{of}/compose/",
        "description",
        ("Kick-off", "Kicked off"),
        {
            "id": str(uuid.uuid4()),
            "author": "Alice",
            "date": "2026-03-31",
        },
        wh,
    ),
    "update": lambda wh, of: CreatingForm(
        UPDATES,
        of,
        f"/accounts/{of}/updates/new/",
        "description",
        ("Kick-off", "Kicked off"),
        {"id": str(uuid.uuid4()), "author": "Alice", "date": "2026-03-31"},
        wh,
    ),
    "status": lambda wh, of: CreatingForm(
        PLATFORMS_STATUS,
        of,
        f"/accounts/{of}/platforms/",
        "status",
        ("Requested", "In Progress"),
        {"platform": "Databricks", "updated_at": ""},
        wh,
    ),
}


def words_of(response: HttpResponse) -> str:
    """Return the words of a page."""
    return re.sub(r"\s+", " ", BeautifulSoup(response.content, "html.parser").get_text(" "))
