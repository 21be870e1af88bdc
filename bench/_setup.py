"""Helpers of the benches: an application with its own local warehouse."""

from __future__ import annotations

import io
import json
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PERSON = "bench@localhost"


class Control:
    """The local warehouse's control endpoint."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def last(self) -> int:
        """Return the number of the latest statement, for ``statements``."""
        last: int = self.ask("GET", "/statements/last")["number"]
        return last

    def statements(self, after: int) -> list[dict[str, Any]]:
        """Return the statements that ran after that number."""
        found: list[dict[str, Any]] = self.ask("GET", f"/statements?after={after}")["statements"]
        return found


@contextmanager
def application() -> Iterator[tuple[Path, Control]]:
    """Set Django up on a new local warehouse with empty tables, and stop it at the end.

    Yields the warehouse's data folder and its control endpoint. Import modules of the
    application only inside: the settings are read from the environment at the first import.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "EDIP_LOCAL_DATA": folder,
            "EDIP_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "edip.settings",
        }
        import django
        from django.conf import settings
        from django.core.management import call_command

        django.setup()
        from crm.warehouse import dispose_all

        # The name that Django's test client sends.
        settings.ALLOWED_HOSTS = ["testserver"]
        call_command("create_tables", stdout=io.StringIO())
        control = Control(json.loads((Path(folder) / "server.json").read_text())["control"])
        control.ask("POST", "/warehouse", {"result_cache": False})
        try:
            yield Path(folder), control
        finally:
            dispose_all()
            control.ask("POST", "/shutdown", {})
