"""The local warehouse of the tests, with its control endpoint."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crm.model.namespace import Namespace
from crm.warehouse.config import LOCAL_TOKEN, WarehouseConfig

from .patience import seconds


@dataclass(frozen=True)
class LocalWarehouse:
    """The server under test, with its control endpoint."""

    url: str
    control: str
    data: Path
    token: str = LOCAL_TOKEN

    @classmethod
    def of(cls, data: Path) -> LocalWarehouse:
        """Return the server that runs with this data folder."""
        found = json.loads((data / "server.json").read_text())
        return cls(found["url"], found["control"], data)

    def fault(self, kind: str, times: int | None = 1, **options: Any) -> None:
        """Inject a fault into statements; with ``times=None``, until the end of the test."""
        self._ask("POST", "/faults", {"kind": kind, "times": times, **options})

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def end_sessions(self) -> None:
        """End all sessions, as a restart of the warehouse does."""
        self._ask("DELETE", "/sessions")

    def statements(self, after: int = 0) -> list[dict[str, Any]]:
        return self._ask("GET", f"/statements?after={after}")["statements"]

    def last(self) -> int:
        return self._ask("GET", "/statements/last")["number"]

    def copy_schema(self, source: Namespace, name: str) -> Namespace:
        body = {"catalog": source.catalog, "source": source.schema, "name": name}
        self._ask("POST", "/schemas", body)
        return replace(source, schema=name)

    def reset_schema(self, source: Namespace, copied: Namespace) -> None:
        """Bring back the rows and the history that the schema had when it was copied."""
        body = {"catalog": source.catalog, "source": source.schema, "name": copied.schema}
        self._ask("POST", "/schemas/reset", body)

    def stop(self) -> None:
        self._ask("POST", "/shutdown", {})

    def config(self, **knobs: Any) -> WarehouseConfig:
        return WarehouseConfig(is_local=True, url=self.url, token=self.token, **knobs)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            return self._send(method, path, body)
        except ConnectionError:
            # The server was started again since the connection was opened.
            if method != "GET":
                raise
            return self._send(method, path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        url = urlsplit(self.control + path)
        target = f"{url.path}?{url.query}" if url.query else url.path
        connection = _connection(url.netloc)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, target, text, control_headers(self.data))
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()  # it opens again for the next request
            raise
        assert response.status < 300, f"{method} {path}: {response.status} {answer!r}"
        return json.loads(answer or b"{}")


def control_headers(data: Path) -> dict[str, str]:
    """Return the headers for the control endpoint of the server with this data folder."""
    secret = json.loads((data / "server.json").read_text())["secret"]
    return {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}


_connections = threading.local()


def _connection(netloc: str) -> HTTPConnection:
    """Return this thread's connection to a server's control endpoint."""
    known: dict[str, HTTPConnection] = vars(_connections)
    return known.setdefault(netloc, HTTPConnection(netloc, timeout=seconds(10)))
