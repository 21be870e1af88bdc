"""The simulated people of a soak: each has their own tokens, reads, writes and keeps a page
open."""

from __future__ import annotations

import datetime as dt
import html
import http.client
import json
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from . import _data
from .pages import FILTERED

HOST = "edip-crm-soak.databricksapps.com"
# Of a hundred visits, how many read each page or write.
READS = {
    "/": 8,
    "/accounts/": 16,
    FILTERED: 6,
    "/accounts/{key}/": 18,
    "/accounts/{key}/history/": 3,
    "/accounts/facet/vp/": 3,
    "/accounts/?format=csv": 2,
    "/use-cases/": 5,
    "/updates/": 5,
    "/attention/": 3,
    "/trends/": 2,
    "/activity/": 3,
    "/as-of/{moment}/accounts/": 2,
    "/as-of/{moment}/accounts/{key}/": 2,
}
WRITES = {"set_status": 8, "add_update": 6, "edit": 4, "follow": 2}
USUAL_WRITES = 20
# Saved; or somebody else changed the same field meanwhile, and the page asks which to keep.
CHANGED_MEANWHILE = (303, 409)
_INPUT = re.compile(r'<input[^>]*? name="([\w-]+)"[^>]*? value="([^"]*)"')
_AREA = re.compile(r'<textarea[^>]*? name="([\w-]+)"[^>]*>\n?(.*?)</textarea>', re.DOTALL)


@dataclass
class Answers:
    """The results of all people so far: the seconds of each answer, and the failures."""

    seconds: list[float] = field(default_factory=list)
    writes: int = 0
    failures: Counter[str] = field(default_factory=Counter)


class Person:
    """One person with a browser.

    :param new_token: returns a token of this person; the proxy hands out another now and then.
    :param writes: of a hundred visits, how many write.
    """

    def __init__(
        self,
        port: int,
        name: str,
        accounts: int,
        new_token: Callable[[str], str],
        answers: Answers,
        writes: int = USUAL_WRITES,
    ) -> None:
        self._port, self._accounts, self._answers = port, accounts, answers
        self._weights = [n * (100 - writes) / sum(READS.values()) for n in READS.values()]
        self._weights += [n * writes / sum(WRITES.values()) for n in WRITES.values()]
        self._since = dt.datetime.now(dt.UTC)
        self.email = f"{name}@example.com"
        self._new_token, self._token, self._renew_at = new_token, "", 0.0
        self._cookies: dict[str, str] = {}
        self._cursor = ""
        self._pick = random.Random(name)

    def visit(self, token_seconds: float) -> None:
        """Read a page, or write; then ask for others' changes, as an open page does."""
        if time.monotonic() > self._renew_at:
            self._token = self._new_token(self.email)
            self._renew_at = time.monotonic() + token_seconds
        what = self._pick.choices([*READS, *WRITES], self._weights)[0]
        key = _data.key(self._pick.randrange(self._accounts))
        if what in WRITES:
            getattr(self, f"_{what}")(key)
        else:
            now = dt.datetime.now(dt.UTC)
            moment = self._since + self._pick.random() * (now - self._since)
            self._get(what.format(key=key, moment=f"{moment:%Y-%m-%dT%H:%M:%SZ}"))
        self._ask_for_changes()

    def _set_status(self, key: str) -> None:
        page = self._get(f"/accounts/{key}/")
        form = page.partition('action="/accounts/' + key + '/platforms/"')[2]
        fields = _fields(form.partition("</form>")[0])
        statuses = ("Requested", "In Progress", "Completed")
        fields["status"] = self._pick.choice(statuses)
        self._post(f"/accounts/{key}/platforms/", fields, fine=CHANGED_MEANWHILE)

    def _add_update(self, key: str) -> None:
        words = {"author": self.email, "date": "2026-01-05", "description": "A note of the soak"}
        self._get(f"/accounts/{key}/updates/new/")
        self._post(f"/accounts/{key}/updates/new/", {"id": str(uuid.uuid4()), **words})

    def _edit(self, key: str) -> None:
        path = f"/accounts/{key}/edit/"
        fields = _fields(self._get(path))
        fields["vp"] = f"VP {self._pick.randrange(40)}"
        self._post(path, fields, fine=CHANGED_MEANWHILE)

    def _follow(self, key: str) -> None:
        self._get(f"/accounts/{key}/")
        self._post(f"/accounts/{key}/follow/", {"follow": self._pick.choice(("on", "off"))})

    def _ask_for_changes(self) -> None:
        text = self._get(f"/live/?cursor={self._cursor}", fine=(200, 204))
        if text:
            self._cursor = json.loads(text)["cursor"]

    def _get(self, path: str, fine: tuple[int, ...] = (200,)) -> str:
        return self._send("GET", path, "", fine)

    def _post(self, path: str, fields: Mapping[str, str], fine: tuple[int, ...] = (303,)) -> None:
        token = self._cookies.get("__Host-edip-csrf", "")
        body = urlencode({**fields, "csrfmiddlewaretoken": token})
        self._send("POST", path, body, fine)
        self._answers.writes += 1

    def _send(self, method: str, path: str, body: str, fine: tuple[int, ...]) -> str:
        headers = {
            "Host": HOST,
            "X-Forwarded-Host": HOST,
            "X-Forwarded-Email": self.email,
            "X-Forwarded-Access-Token": self._token,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
        }
        if method == "POST":
            headers["Origin"] = f"https://{HOST}"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        started = time.perf_counter()
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            for line in answer.msg.get_all("Set-Cookie", []):
                self._cookies |= {name: each.value for name, each in SimpleCookie(line).items()}
        except OSError as error:
            self._answers.failures[f"{method} {path}: {type(error).__name__}"] += 1
            return ""
        finally:
            connection.close()
        self._answers.seconds.append(time.perf_counter() - started)
        if answer.status not in fine:
            self._answers.failures[f"{method} {path}: {answer.status}"] += 1
            return ""
        return text


def _fields(form: str) -> dict[str, str]:
    """Return the fields of a form with their values."""
    found = [*_INPUT.findall(form), *_AREA.findall(form)]
    return {name: html.unescape(value) for name, value in found}
