"""Helpers of the benches: an application with its own local warehouse."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

PERSON = "bench@localhost"
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_TICKS = os.sysconf("SC_CLK_TCK")


class Control:
    """The local warehouse's control endpoint, and the CPU time and memory of its processes."""

    def __init__(self, folder: Path) -> None:
        server = json.loads((folder / "server.json").read_text())
        self._url: str = server["control"]
        self._headers = {
            "Authorization": f"Bearer {server['secret']}",
            "Content-Type": "application/json",
        }
        self.address: str = server["url"]
        self.pid: int = server["pid"]
        self._engines: list[int] = []

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, self._headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
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

    def set_latency(self, seconds: float) -> None:
        """Let each statement take so much longer."""
        self.ask("DELETE", "/faults")
        if seconds:
            self.ask("POST", "/faults", {"kind": "latency", "seconds": seconds})

    def set_result_cache(self, is_on: bool) -> None:
        self.ask("POST", "/warehouse", {"result_cache": is_on})

    def cpu(self) -> float:
        """Return the seconds of CPU that the warehouse, with its engine, has used so far."""
        own = _stat(self.pid)
        # Those of engines that have ended are in the warehouse's own numbers.
        ticks = own[11:15] + [n for engine in self._living_engines() for n in _stat(engine)[11:13]]
        return sum(map(int, ticks)) / _TICKS

    def memory(self) -> float:
        """Return the resident memory of the warehouse's processes in MB."""
        pids = [self.pid, *self._living_engines()]
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def engines(self) -> list[int]:
        """Return the engine's processes: two while one replaces the other."""
        engines: list[int] = self.ask("GET", "/warehouse")["engines"]
        return engines

    def sessions(self) -> int:
        """Return how many sessions are open at the warehouse."""
        count: int = self.ask("GET", "/warehouse")["sessions"]
        return count

    def _living_engines(self) -> list[int]:
        """Return the engine's processes; ask for them only when one is gone."""
        if not self._engines or not all(Path(f"/proc/{pid}").exists() for pid in self._engines):
            self._engines = self.engines()
        return self._engines

    def wait_until_idle(self) -> None:
        """Wait until work in the background has ended, such as compaction, at most a minute."""
        for _ in range(120):
            before = self.cpu()
            time.sleep(0.5)
            if self.cpu() - before <= 0.02:
                return


def _stat(pid: int) -> list[str]:
    """Return the fields of a process after its name (proc(5))."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@contextmanager
def application(data: Path | None = None) -> Iterator[tuple[Path, Control]]:
    """Set Django up on a local warehouse of its own, and stop that at the end.

    ``data`` is the warehouse's folder; without it, a new one that is deleted at the end. Missing
    tables are created. Yields the folder and the control endpoint. The result cache is off. Import
    modules of the application only inside: the settings are read from the environment at the
    first import.
    """
    with ExitStack() as at_the_end:
        folder = data or Path(at_the_end.enter_context(tempfile.TemporaryDirectory()))
        os.environ |= {
            "EDIP_LOCAL_DATA": str(folder),
            "EDIP_LOG_LEVEL": "ERROR",
            "EDIP_WRITES_PER_MINUTE": "0",
            "EDIP_EXPORTS_PER_MINUTE": "0",
        }
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")
        import django
        from django.conf import settings
        from django.core.management import call_command

        django.setup()
        from crm.warehouse import dispose_all

        # The name that Django's test client sends.
        settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
        call_command("create_tables", stdout=io.StringIO())
        control = Control(folder)
        control.set_result_cache(False)
        try:
            yield folder, control
        finally:
            dispose_all()
            # It may end before it has answered.
            with suppress(OSError):
                control.ask("POST", "/shutdown", {})


def in_own_process(
    work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """Return what ``work`` returns in a new process: one process has one ``application``."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(work, *args, **kwargs).result()
