"""Each digest is sent once: the run is ended at each of its steps, and run again."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.management import CommandError

from crm.model.own_tables import DIGESTS
from crm.repository.records import saved_views
from crm.repository.records.saved_views import SavedView
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse, forget_everything
from ..patience import seconds
from .digest_runs import run


@dataclass
class Receiver:
    """A chat that records each message, even duplicates; it can end the sender meanwhile."""

    url: str
    taken: list[tuple[str, str]] = field(default_factory=list)
    kill: Callable[[], None] = lambda: None
    when: str = ""
    status: int = 200

    def receive(self, handler: BaseHTTPRequestHandler) -> None:
        if self.when == "asked":
            self.kill()
            return
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        assert json.loads(body)["type"] == "message"
        if self.status == 200:
            self.taken.append((handler.path, handler.headers["Idempotency-Key"]))
        if self.when == "taken":
            self.kill()
            return
        if self.when == "answered":
            # Stop it first, so that it cannot continue before it is killed.
            os.kill(CHILD[0], signal.SIGSTOP)
        handler.send_response(self.status)
        if self.status == 302:  # if it was followed, the answer would be 501
            handler.send_header("Location", f"{self.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        if self.when == "answered":
            handler.wfile.flush()
            self.kill()


CHILD: list[int] = []


def end_child() -> None:
    os.kill(CHILD[0], signal.SIGKILL)


@pytest.fixture
def receiver(settings: Any, by_mail: None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.receive(self)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    found.kill = end_child
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    settings.EDIP_PLAIN_HTTP = True
    yield found
    server.shutdown()
    server.server_close()


# Where the run is ended: a statement that the warehouse has executed without having answered, or
# what the receiver was doing.
KILLS = [
    r"row_filters",
    r"^\s*MERGE INTO .*digests",
    r"^\s*SELECT recipient",
    r"^\s*DESCRIBE HISTORY",
    r"table_changes",
    r"recorded_status",
    r"^\s*UPDATE .*'sending', run",
    r"^\s*SELECT DISTINCT run",
    "asked",
    "taken",
    "answered",
    r"^\s*UPDATE .*SET state = ",
]
# After the claim and before the note, the result is unclear: a person has to look.
UNCLEAR = {*KILLS[6:11]}


def run_and_end(server: LocalWarehouse, receiver: Receiver, where: str) -> None:
    """Run the command in a process of its own, and end it there."""
    receiver.when = where if where in ("asked", "taken", "answered") else ""
    forget_everything()  # as a new process
    last = server.last()
    if not receiver.when:
        server.fault("hang", match=f"(?s){where}", seconds=0)
    CHILD[:] = [os.fork()]
    if CHILD[0] == 0:
        try:
            run()
        finally:
            os._exit(0)
    if not receiver.when:
        deadline = time.monotonic() + seconds(10)
        while not is_executed(server, last, where):
            assert time.monotonic() < deadline, where
            time.sleep(0.02)
        end_child()
    os.waitpid(CHILD[0], 0)
    server.clear_faults()
    receiver.when = ""


def is_executed(server: LocalWarehouse, last: int, pattern: str) -> bool:
    return any(
        re.search(f"(?s){pattern}", entry["text"], re.IGNORECASE) and entry["status"] != "RUNNING"
        for entry in server.statements(last)
    )


def test_the_digest_is_sent_exactly_once_over_kills(
    one_account: Warehouse, server: LocalWarehouse, receiver: Receiver, settings: Any
) -> None:
    """The receiver accepts duplicates, so they would be seen. A person has to look only if the
    result is unclear."""
    looked = set()
    for number, where in enumerate(KILLS):
        path = f"/hook/{number}"
        settings.EDIP_DIGEST_WEBHOOK = receiver.url + path
        run_and_end(server, receiver, where)
        printed, code = run()
        if code:
            looked.add(where)
            assert "is being sent since" in printed
            assert run("--unclear=resend") == (printed, 1)
            age(one_account)
            printed, code = run()
            assert "it is unclear whether it was sent" in printed
            assert code == 1
            has_arrived = any(taken == path for taken, _ in receiver.taken)
            printed, code = run("--unclear=sent" if has_arrived else "--unclear=resend")
        assert code == 0
        printed, code = run()
        assert code == 0
        assert "was sent already" in printed
    assert looked == UNCLEAR
    paths, keys = zip(*receiver.taken, strict=True)
    assert sorted(paths) == sorted(f"/hook/{number}" for number in range(len(KILLS)))
    assert len(set(keys)) == len(KILLS)


def age(wh: Warehouse) -> None:
    """Let an hour pass since all claims."""
    sql = "UPDATE {} SET begun_at = begun_at - INTERVAL 1 HOUR WHERE state = 'sending'"
    wh.execute(sql.format(wh.namespace.table(DIGESTS)), repeatable=True)


def test_what_a_chat_refuses_is_sent_by_the_next_run(
    one_account: Warehouse, receiver: Receiver, settings: Any
) -> None:
    settings.EDIP_DIGEST_WEBHOOK = f"{receiver.url}/hook/secret"
    for status, said in ((404, "not sent: the chat answered 404"), (302, "302"), (504, "unclear")):
        receiver.status = status
        printed, code = run("--vp", "Ana")
        assert code == 0, "no account of hers: there is nothing to report"
        printed, code = run("--area", "Finance")
        assert code == 1
        assert said in printed
        assert "secret" not in printed
    receiver.status = 200
    age(one_account)
    assert run("--area", "Finance", "--unclear=resend")[1] == 0
    assert len(receiver.taken) == 1
    for id, query in (("v1", "business_area=Finance&business_area=HR&sort=team"), ("v2", "q=a")):
        view = SavedView(id, "ana@example.com", "accounts", "Money", query, is_shared=True)
        saved_views.create(one_account, view)
    saved_views.create(one_account, replace(view, id="v4", is_shared=False))
    assert run("--view", "v1")[1] == 0
    assert len(receiver.taken) == 2
    for id, problem in (
        ("v2", "also filters by a search"),
        ("v3", "no saved view"),
        ("v4", "not shared"),
    ):
        with pytest.raises(CommandError, match=problem):
            run("--view", id)
    settings.EDIP_DIGEST_WEBHOOK = "https://127.0.0.1:9/secret"
    printed, code = run()
    assert code == 1
    assert "not sent: the chat cannot be reached" in printed
