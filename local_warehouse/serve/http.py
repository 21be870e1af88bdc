"""The HTTP server: the Thrift endpoint of the connector, OAuth, REST and control.

It listens on loopback only. Each answer is one write to a socket with TCP_NODELAY: otherwise
every statement would wait 40 ms for a delayed ACK.
"""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TMessageType
from thrift.transport.TTransport import TMemoryBuffer

from local_warehouse.catalog.identity import EXPIRED, Principal, Refused
from local_warehouse.warehouse import Warehouse

from . import gate, rest_api
from . import oauth as oauth_api
from .control import PREFIX as CONTROL
from .control import Control
from .faults import AFTER_EXECUTION, Fault, Faults
from .operations import Operations
from .reply import Reply
from .start_stop import StartStop
from .thrift import Service

PATH = "/sql/1.0/warehouses/local"
ERROR_HEADER = "x-thriftserver-error-message"
# The messages of the fault ``http_status``.
_MESSAGES = {
    400: "BAD_REQUEST: the request is not valid.",
    403: "PERMISSION_DENIED: You are not authorized to use this SQL warehouse.",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


class Server(ThreadingHTTPServer):
    """Serves one warehouse. Raises ValueError for an address that is not loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, warehouse: Warehouse, host: str = "127.0.0.1", port: int = 0) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the local warehouse binds to loopback only, not to {host}")
        self.warehouse = warehouse
        self.faults = Faults()
        self.start_stop = StartStop()
        self.operations = Operations(warehouse, self.faults)
        self.control = Control(
            warehouse, self.faults, self.start_stop, self.operations, stop=self.shutdown
        )
        self.secret = gate.new_secret()
        super().__init__((host, port), Handler)
        issuer = f"http://localhost:{self.server_port}"
        self.oauth = oauth_api.OAuth(warehouse.identities, self.origin, issuer)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._route("GET")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def do_POST(self) -> None:
        self._route("POST")

    def _route(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0].rstrip("/")
        try:
            gate.require_program(self.headers)
            if path == PATH:
                self._thrift(body)
            elif path.startswith(CONTROL):
                self._control(method, body)
            else:
                self._rest(method, path, body)
        except Refused as refusal:
            self._refuse(refusal, as_json=path != PATH)

    def _thrift(self, body: bytes) -> None:
        principal = self._principal()
        principal.require_sql()
        rpc, text = _peek(body)
        faults = self.server.faults
        if fault := faults.use_next(rpc, text, "http_status", "starting", "expired_token"):
            self._answer_fault(fault)
            return
        if rpc == "ExecuteStatement" and not self.server.start_stop.is_running:
            self._answer_fault(Fault("starting"))
            return
        if faults.use_next(rpc, text, "drop_before"):
            self._hang_up()
            return
        answer = TMemoryBuffer()
        service = Service(self.server.warehouse, self.server.operations, faults, principal.user)
        TCLIService.Processor(service).process(
            TBinaryProtocolAccelerated(TMemoryBuffer(body)), TBinaryProtocolAccelerated(answer)
        )
        message = answer.getvalue()
        if faults.use_next(rpc, text, "truncated"):
            message = message[: len(message) // 2]
        whole = _http_answer(HTTPStatus.OK, message, "application/x-thrift")
        cleared = faults.cleared
        if fault := faults.use_next(rpc, text, *AFTER_EXECUTION):
            with suppress(ConnectionError):
                self._break_answer(fault, whole, cleared)
        else:
            self.wfile.write(whole)

    def _rest(self, method: str, path: str, body: bytes) -> None:
        oauth = self.server.oauth
        if (method, path) == ("POST", oauth_api.TOKEN):
            self._reply(oauth.token(self.headers.get("Authorization", ""), body))
        elif method == "GET" and (found := oauth.discover(path)):
            self._reply(found)
        elif path.startswith("/api/"):
            start_stop = self.server.start_stop
            self._reply(rest_api.answer(method, path, self._principal(), start_stop))
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def _principal(self) -> Principal:
        identities = self.server.warehouse.identities
        return identities.sign_in(self.headers.get("Authorization", ""))

    def _refuse(self, refusal: Refused, as_json: bool) -> None:
        status, message = HTTPStatus(refusal.status), str(refusal)
        if as_json:
            code = "UNAUTHENTICATED" if refusal.status == 401 else "PERMISSION_DENIED"
            self._reply(Reply(status, {"error_code": code, "message": message}))
        else:
            self._answer(status, headers={ERROR_HEADER: message})

    def _answer_fault(self, fault: Fault) -> None:
        if fault.kind == "expired_token":
            self._answer(HTTPStatus.FORBIDDEN, headers={ERROR_HEADER: EXPIRED})
            return
        message = "TEMPORARILY_UNAVAILABLE: the warehouse is starting."
        if fault.kind == "http_status":
            message = _MESSAGES.get(fault.status, HTTPStatus(fault.status).phrase)
        headers = {ERROR_HEADER: message}
        if fault.status in (429, 503):
            headers["Retry-After"] = str(fault.retry_after)
        self._answer(HTTPStatus(fault.status), headers=headers)

    def _break_answer(self, fault: Fault, whole: bytes, cleared: threading.Event) -> None:
        """Send the answer as the fault demands. If it is cleared meanwhile, send the rest."""
        if fault.kind == "garbage":
            self._answer(HTTPStatus.OK, b"<html><p>Sign in to the network</p></html>", "text/html")
        elif fault.kind == "drip":
            for place in range(len(whole)):
                if cleared.is_set():
                    self.wfile.write(whole[place:])
                    break
                self.wfile.write(whole[place : place + 1])
                cleared.wait(1)
        elif fault.kind == "hang":
            until = time.monotonic() + (fault.seconds or float("inf"))
            while time.monotonic() < until and not cleared.wait(0.1):
                if self._is_abandoned():
                    self.close_connection = True
                    return
            self.wfile.write(whole)
        else:
            if fault.kind == "cut":
                self.wfile.write(whole[: -len(whole) // 3])
            self._hang_up()

    def _is_abandoned(self) -> bool:
        """Return whether the client has closed the connection."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _control(self, method: str, body: bytes) -> None:
        gate.require_secret(self.headers, self.server.secret)
        gate.require_json(self.headers)
        try:
            answer = self.server.control.handle(method, self.path, json.loads(body or b"{}"))
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, str(error).encode())
            return
        if answer is None:
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._reply(Reply(HTTPStatus.OK, answer))

    def _reply(self, reply: Reply) -> None:
        body = json.dumps(reply.body).encode()
        self._answer(HTTPStatus(reply.status), body, "application/json")

    def _answer(
        self,
        status: HTTPStatus,
        body: bytes = b"",
        content_type: str = "text/plain",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.wfile.write(_http_answer(status, body, content_type, headers))

    def log_message(self, *args: object) -> None:
        """Log no requests: the statement log has more details."""


def _http_answer(
    status: HTTPStatus,
    body: bytes,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Type: {content_type}"]
    lines.append(f"Date: {formatdate(usegmt=True)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _peek(body: bytes) -> tuple[str, str]:
    """Return the call's name, and the statement's text if it executes one.

    Faults depend on both.
    """
    protocol = TBinaryProtocolAccelerated(TMemoryBuffer(body))
    name, kind, _ = protocol.readMessageBegin()
    if name != "ExecuteStatement" or kind != TMessageType.CALL:
        return name, ""
    arguments = TCLIService.ExecuteStatement_args()
    arguments.read(protocol)
    statement: str = arguments.req.statement
    return name, statement
