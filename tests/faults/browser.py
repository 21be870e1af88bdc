"""A browser that talks with the app's processes over HTTP, and looks like Django's test client."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any

import requests
from django.http import HttpResponse
from django.test import RequestFactory

from ..deployment.conftest import PROXIED, App

# The status of a request whose connection broke.
NO_ANSWER = 599


class Browser:
    """One person's browser behind the proxy of Databricks Apps."""

    def __init__(self, app: App, person: str = PROXIED["X-Forwarded-Email"]) -> None:
        self.app, self.person = app, person
        self._session = requests.Session()
        # The cookies are for the proxy's address, which uses TLS; here is none.
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    def get(self, path: str) -> HttpResponse:
        return self._send("GET", path)

    def post(self, path: str, data: dict[str, Any] | None = None) -> HttpResponse:
        fields, files = {}, {}
        for name, value in (data or {}).items():
            (files if hasattr(value, "read") else fields)[name] = value
        return self._send("POST", path, fields | {"csrfmiddlewaretoken": self._token()}, files)

    def _heed(self, set_cookie: str) -> None:
        """Keep the cookie, or drop it if the app deletes it."""
        for name, cookie in SimpleCookie(set_cookie).items():
            self._cookies[name] = cookie.coded_value
            if cookie["max-age"] == "0":
                del self._cookies[name]

    def _token(self) -> str:
        """Return the token that every form has; it belongs to the cookie."""
        if not self._csrf:
            page = self.get("/accounts/new/").content.decode()
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
            self._csrf = found[1] if found else ""
        return self._csrf

    def _send(self, method: str, path: str, data: Any = None, files: Any = None) -> HttpResponse:
        headers = PROXIED | {"X-Forwarded-Email": self.person}
        headers |= {"Origin": f"https://{PROXIED['X-Forwarded-Host']}"}
        headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self._cookies.items())
        try:
            answer = self._session.request(
                method,
                self.app.url + path,
                data=data,
                files=files or None,
                headers=headers,
                allow_redirects=False,
                timeout=90,
            )
        except requests.RequestException:
            return HttpResponse(b"", "no answer", NO_ANSWER)
        for header in answer.raw.headers.getlist("Set-Cookie"):
            self._heed(header)
        response = HttpResponse(
            answer.content, answer.headers.get("Content-Type"), answer.status_code
        )
        if "Location" in answer.headers:
            response["Location"] = answer.headers["Location"]
        response.wsgi_request = RequestFactory().generic(method, path)
        return response
