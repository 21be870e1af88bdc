"""The control endpoint, for start-up helpers and tests.

It returns the server's health and the statement log, and registers the processes that use the
server. Tests copy schemas and set faults, users (tokens, principals, groups) and the warehouse's
state here.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_warehouse.warehouse import Warehouse

from .copy_schema import copy_schema, reset_schema
from .faults import Fault, Faults
from .operations import Operations
from .start_stop import StartStop

PREFIX = "/control"
# JSON objects of requests and answers, whose values may have any type.
Json = dict[str, Any]


class Control:
    """Answers control requests; JSON in, JSON out."""

    def __init__(
        self,
        warehouse: Warehouse,
        faults: Faults,
        start_stop: StartStop,
        operations: Operations,
        stop: Callable[[], None],
    ) -> None:
        self._warehouse = warehouse
        self._faults = faults
        self._start_stop = start_stop
        self._operations = operations
        self._stop = stop
        self._clients: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def handle(self, method: str, path: str, body: Json) -> Json | None:
        """Return the answer; None for an unknown path. Raises ValueError for an invalid body."""
        url = urlsplit(path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        match method, url.path.removeprefix(PREFIX):
            case "GET", "/health":
                return {"pid": os.getpid()}
            case "GET", "/statements":
                return {"statements": self._statements(int(query.get("after", 0)))}
            case "GET", "/statements/last":
                return {"number": self._warehouse.parts.history.last()}
            case "POST", "/schemas":
                copy_schema(self._warehouse.parts, body["catalog"], body["source"], body["name"])
                return {}
            case "POST", "/schemas/reset":
                reset_schema(self._warehouse, body["catalog"], body["source"], body["name"])
                return {}
            case "POST", "/faults":
                self._faults.add(_fault(body))
                return {}
            case "DELETE", "/faults":
                self._faults.clear()
                return {}
            case "DELETE", "/sessions":
                return {"closed": self._warehouse.sessions.close_all()}
            case "GET", "/warehouse":
                return self._warehouse_state()
            case "POST", "/warehouse":
                return self._set_warehouse(body)
            case _, "/tokens" | "/principals" | "/groups" as kind:
                return self._set_identity(method, kind, body)
            case "POST", "/clients":
                return self._add_client(int(body["pid"]))
            case "POST", "/shutdown":
                threading.Thread(target=self._stop, daemon=True).start()
                return {}
        return None

    def _set_warehouse(self, body: Json) -> Json:
        if "start_seconds" in body:
            self._start_stop.start_seconds = float(body["start_seconds"])
        if "unity_catalog" in body:
            self._warehouse.parts.catalog.switch_unity(bool(body["unity_catalog"]))
        if "inserts_conflict" in body:
            self._warehouse.parts.commits.inserts_conflict = bool(body["inserts_conflict"])
        if "engine_statements" in body:
            self._warehouse.parts.engine.statements = int(body["engine_statements"])
        if "auto_optimize" in body:
            self._warehouse.auto_optimize.is_on = bool(body["auto_optimize"])
        if "result_cache" in body:
            self._warehouse.results.is_on = bool(body["result_cache"])
        if "writes" in body:
            may_write = self._warehouse.parts.commits.may_write
            (may_write.set if body["writes"] else may_write.clear)()
        if "query_tags" in body:
            self._operations.takes_tags = bool(body["query_tags"])
        if "state" in body:
            self._start_stop.set_state(body["state"])
        return self._warehouse_state()

    def _warehouse_state(self) -> Json:
        engine = self._warehouse.parts.engine
        return {
            "state": self._start_stop.state,
            "writers": self._warehouse.parts.commits.writers(),
            "engines": engine.pids(),
            "renewals": engine.renewals,
            "sessions": self._warehouse.sessions.count(),
        }

    def _set_identity(self, method: str, kind: str, body: Json) -> Json | None:
        identities = self._warehouse.identities
        try:
            match method, kind:
                case "POST", "/tokens":
                    token, entry = _token(body)
                    identities.tokens.change(lambda content: content.update({token: entry}))
                case "DELETE", "/tokens":
                    identities.revoke(body["token"])
                case "POST", "/principals":
                    client_id, entry = _principal(body)
                    identities.principals.change(
                        lambda content: content.update({client_id: entry})
                    )
                case "POST", "/groups":
                    group = {body["group"]: list(body["members"])}
                    identities.groups.change(lambda content: content.update(group))
                case _:
                    return None
        except KeyError as error:
            raise ValueError(f"{error} is missing") from error
        return {}

    def _add_client(self, pid: int) -> Json:
        with self._lock:
            if self._stopping:
                raise ValueError("this server is stopping")
            self._clients.add(pid)
        return {}

    def _statements(self, after: int) -> list[Json]:
        return [
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
            for entry in self._warehouse.parts.history.entries(after)
        ]

    def stop_when_unused(self, first: float = 60.0, idle: float = 3.0) -> None:
        """Stop the server when no registered process is alive any more.

        The first process has ``first`` seconds to register. After the last one has ended, the
        server waits ``idle`` seconds for another, such as the next management command.
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


def _token(body: Json) -> tuple[str, Json]:
    optional: Json = {k: body[k] for k in ("scopes", "warehouse", "admin") if k in body}
    entry: Json = {"user": body["user"], **optional}
    if (seconds := body.get("expires_in")) is not None:
        entry["expires_at"] = time.time() + seconds
    return body["token"], entry


def _principal(body: Json) -> tuple[str, Json]:
    optional: Json = {k: body[k] for k in ("token_seconds", "name", "admin") if k in body}
    return body["client_id"], {"secrets": list(body["secrets"]), **optional}


def _fault(body: Json) -> Fault:
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
    # An ended process keeps its id until its parent has waited for it.
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
