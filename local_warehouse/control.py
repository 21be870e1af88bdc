"""The control endpoint: health, the statement log, faults, and who still needs the server."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from .faults import Fault
from .warehouse import Warehouse

PREFIX = "/control"


class Control:
    """Answers control requests; JSON in, JSON out."""

    def __init__(self, warehouse: Warehouse, stop: Callable[[], None]) -> None:
        self._warehouse = warehouse
        self._stop = stop
        self._clients: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def handle(self, method: str, path: str, body: dict) -> dict | None:
        """The answer, or None where there is nothing at that path."""
        url = urlsplit(path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        match method, url.path.removeprefix(PREFIX):
            case "GET", "/health":
                return {"pid": os.getpid()}
            case "GET", "/statements":
                return self._statements(int(query.get("after", 0)))
            case "POST", "/faults":
                self._warehouse.faults.add(_fault(body))
                return {}
            case "DELETE", "/faults":
                self._warehouse.faults.clear()
                return {}
            case "DELETE", "/sessions":
                return {"closed": self._warehouse.sessions.close_all()}
            case "POST", "/clients":
                return self._add_client(int(body["pid"]))
            case "POST", "/shutdown":
                threading.Thread(target=self._stop, daemon=True).start()
                return {}
        return None

    def _add_client(self, pid: int) -> dict:
        with self._lock:
            if self._stopping:
                raise ValueError("this server is stopping")
            self._clients.add(pid)
        return {}

    def _statements(self, after: int) -> dict:
        entries = self._warehouse.parts.history.entries(after)
        statements = [
            {
                "number": entry.number,
                "statement_id": entry.statement_id,
                "user": entry.user,
                "text": entry.text,
                "query_tags": entry.query_tags,
                "started_at": entry.started_at.isoformat(),
                "duration_ms": entry.duration_ms,
                "status": entry.status,
                "rows": entry.rows,
                "error": entry.error,
            }
            for entry in entries
        ]
        return {"statements": statements, "last": entries[-1].number if entries else after}

    def stop_when_unused(self, first: float = 60.0, idle: float = 3.0) -> None:
        """Watch the registered processes, and stop the server when none of them is left.

        ``first`` is how many seconds the first one may take to register; ``idle`` how many
        there may be between two, as from one management command to the next.
        """
        deadline = time.monotonic() + first
        while not self._stopping:
            time.sleep(0.5)
            with self._lock:
                self._clients = {pid for pid in self._clients if _is_alive(pid)}
                if self._clients:
                    deadline = time.monotonic() + idle
                self._stopping = time.monotonic() > deadline
        self._stop()


def _fault(body: dict) -> Fault:
    try:
        return Fault(**body)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    # A client that nobody has waited for is over, though its process id still exists.
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
