"""A person who writes through the pages, and notes the operations that the app acknowledged."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bs4 import BeautifulSoup
from django.http import HttpResponse

from crm.model.changes import CHANGED, CREATED, DELETED, Change
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, UPDATES, USE_CASES, Table
from crm.repository.records import platforms

from ..pages.html import filled_in, parsed, record_form
from ..pages.import_page.using import upload
from ..patience import seconds

# The name of a row's table, and its key.
Key = tuple[str, str]
Values = dict[str, str]
# A row that an operation wrote: its key, what happened, and its values afterwards.
Row = tuple[Key, str, frozenset[tuple[str, str]]]

OWNER = "account_bsnid"
STATUSES = ("Requested", "In Progress", "Completed", "Not Started")
# How often a person sends a form again if others wrote at the same moment.
TRIES = 10


@dataclass(frozen=True)
class Operation:
    """``summary`` is the beginning of the history's summary of an operation of many rows."""

    person: str
    rows: frozenset[Row]
    summary: str = ""


def row_of(change: Change) -> Row:
    """Return the row as the history shows it."""
    values = {each.column.name: each.after for each in change.fields}
    return row((change.table.name, change.key), change.kind, values)


def row(key: Key, kind: str, values: Values | None = None) -> Row:
    pairs = () if kind == DELETED else (values or {}).items()
    return (key, kind, frozenset(pair for pair in pairs if pair[0] != OWNER))


@dataclass
class Writer:
    """``stored`` are the rows of accounts to which nobody else writes. ``shared`` are the BSNIDs
    of accounts to which everybody writes. ``browser`` is like Django's client."""

    browser: Any
    person: str
    shared: list[str]
    chance: random.Random
    stored: dict[Key, Values] = field(default_factory=dict)
    log: list[Operation] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    def write(self, kinds: list[str]) -> None:
        """Write once in each of these ways: each is the name of a method."""
        for kind in kinds:
            getattr(self, kind)()

    # --- single records ---
    def create(self) -> None:
        bsnid = self._name("A")
        values = {"team": self._name("team"), "business_area": "Finance", "vp": self._name("vp")}
        data = {"bsnid": bsnid, "form_id": uuid.uuid4().hex, **values}
        if self._send("create", "/accounts/new/", data):
            self._note({("accounts", bsnid): values}, CREATED)

    def edit(self) -> None:
        """Edit an account that others edit, too: one field, to a text that nobody else writes."""
        bsnid, name = self.chance.choice(self.shared), self.chance.choice(("team", "vp", "admin"))
        path, change = f"/accounts/{bsnid}/edit/", {name: self._name(name)}
        form = record_form(self._get(path))
        if self._send("edit", path, form | change):
            self._note({("accounts", bsnid): change}, CHANGED)

    def status(self) -> None:
        bsnid = self._own_account()
        page = parsed(self._get(f"/accounts/{bsnid}/"))
        form = filled_in(self.chance.choice(page.select("details.platform form")))
        platform, key = form["platform"], platforms.new_id(bsnid, form["platform"])
        before = self.stored.get((PLATFORMS_STATUS.name, key))
        word = self.chance.choice([w for w in STATUSES if not before or w != before["status"]])
        if self._send("status", f"/accounts/{bsnid}/platforms/", form | {"status": word}):
            values = {"platform": platform, "status": word} if not before else {"status": word}
            kind = CHANGED if before else CREATED
            self._note({(PLATFORMS_STATUS.name, key): values}, kind, owner=bsnid)

    def add_update(self) -> None:
        self._add_child(
            UPDATES,
            "updates",
            {"author": "A", "date": "2026-03-31", "description": self._name("d")},
        )

    def add_use_case(self) -> None:
        values = {"problem": self._name("p"), "status": "Active", "platform": "Snowflake"}
        self._add_child(USE_CASES, "use-cases", values)

    def _add_child(self, table: Table, part: str, values: Values) -> None:
        bsnid, id = self._own_account(), str(uuid.uuid4())
        if self._send(part, f"/accounts/{bsnid}/{part}/new/", {"id": id, **values}):
            self._note({(table.name, id): values}, CREATED, owner=bsnid)

    def delete_update(self) -> None:
        """Delete an update of one's own, if there is one."""
        for key in [key for key in self.stored if key[0] == UPDATES.name][:1]:
            if self._send("delete an update", f"/updates/{key[1]}/delete/", {}):
                self._note({key: {}}, DELETED)

    # --- several rows ---
    def delete_and_undo(self) -> None:
        """Delete an account of one's own with its children, and bring all of it back."""
        rows = self._family(bsnid := self._own_account())
        if self._send("delete", f"/accounts/{bsnid}/delete/", {}):
            self._note(rows, DELETED)
            if self._send("undo", f"/undo/accounts/{bsnid}/", {}):
                self._note(rows, CREATED)

    def delete(self) -> None:
        bsnid = self._own_account()
        if self._send("delete", f"/accounts/{bsnid}/delete/", {}):
            self._note(self._family(bsnid), DELETED)

    def import_and_undo(self) -> None:
        """Import a change of an account and two new ones; every other time, undo it."""
        bsnid, name = self._own_account(), self._name("file")
        before = {("accounts", bsnid): {"team": self.stored["accounts", bsnid]["team"]}}
        changed = {("accounts", bsnid): {"team": self._name("imported")}}
        new = {("accounts", self._name("I")): {"team": name, "business_area": "Finance"}}
        new[("accounts", self._name("I"))] = {"team": name, "business_area": "Finance"}
        page = self._import(changed | new, f"{name}.csv")
        assert "Imported" in page.select_one("main h2").get_text(), page.get_text()
        self._note({**changed, **new}, CHANGED, CREATED, "imported 3 rows from")
        if self.chance.random() < 0.5:
            undo = page.select_one("form[action^='/undo/bulk/']")
            if self._send("undo an import", undo["action"], {}):
                self._note({**before, **new}, CHANGED, DELETED, "undid the import of")

    def _import(self, rows: dict[Key, Values], name: str) -> BeautifulSoup:
        lines = "".join(f"{key},{v['team']},Finance\n" for (_, key), v in rows.items())
        content = f"BSNID,Team,Business Area\n{lines}"
        path = upload(self.browser, content, name, on_conflict="update")["Location"]
        seen = self._settled(path).select_one("input[name=previewed]")["value"]
        form = {"do": "import", "previewed": seen}
        assert self.browser.post(path, form).status_code == 303
        return self._settled(path)

    def _settled(self, path: str) -> BeautifulSoup:
        ends = time.monotonic() + seconds(60)
        while (page := parsed(self.browser.get(path))).select("progress"):
            assert time.monotonic() < ends, "still at work"
            time.sleep(0.1)
        return page

    # --- what they share ---
    def _get(self, path: str) -> HttpResponse:
        """Return the page; a person reloads it while the warehouse is too slow for a request."""
        for _ in range(TRIES):
            response = self.browser.get(path)
            if response.status_code not in (503, 504):
                break
            self.refused[f"a page: {response.status_code}"] += 1
        return response

    def _send(self, what: str, path: str, data: Values) -> bool:
        """Send a form, and again if the answer offers that. Return whether it was acknowledged; it
        may be refused if somebody else was first."""
        for _ in range(TRIES):
            response = self.browser.post(path, data)
            if response.status_code == 303:
                return True
            if response.status_code == 409 and b'name="choose-' in response.content:
                break
            assert response.status_code in (409, 503, 504), (what, _title(response))
            self.refused[f"{what}, tried again: {response.status_code}"] += 1
            form = parsed(response).select_one("#record form, main form[method=post]")
            data = filled_in(form) if form else data
            path = (form and form.get("action")) or path
        self.refused[f"{what}, refused"] += 1
        return False

    def _note(
        self,
        rows: dict[Key, Values],
        kind: str,
        kind_of_others: str = "",
        summary: str = "",
        owner: str = "",
    ) -> None:
        """Note an operation that was acknowledged; the first row may have a ``kind`` of its
        own."""
        noted = []
        for number, (key, values) in enumerate(rows.items()):
            each = (kind_of_others or kind) if number else kind
            noted.append(row(key, each, values))
            if key[1] not in self.shared:
                self._store(key, each, values | ({OWNER: owner} if owner else {}))
        self.log.append(Operation(self.person, frozenset(noted), summary))

    def _store(self, key: Key, kind: str, values: Values) -> None:
        if kind == DELETED:
            del self.stored[key]
        else:
            self.stored[key] = self.stored.get(key, {}) | values

    def _family(self, bsnid: str) -> dict[Key, Values]:
        found = {("accounts", bsnid): self.stored["accounts", bsnid]}
        for key, values in self.stored.items():
            if values.get(OWNER) == bsnid:
                found[key] = values
        return found

    def _own_account(self) -> str:
        keys = [key for table, key in self.stored if table == ACCOUNTS.name]
        return self.chance.choice(keys)

    def _name(self, stem: str) -> str:
        self._number += 1
        return f"{stem}-{self.person.split('@')[0]}-{self._number}"


def _title(response: HttpResponse) -> tuple[int, str]:
    page = parsed(response)
    return response.status_code, " ".join((page.select_one("main") or page).get_text().split())
