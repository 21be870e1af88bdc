"""The engine's own process: ``python -m local_warehouse.engine_server``.

It prints the engine's port, and then for each line that it reads how many bytes of memory it has.
It ends when its standard input does, and so when its warehouse ends, even if that is killed.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("RUST_LOG", "error")
# More threads than processors, so that one heavy query cannot keep others from starting.
os.environ.setdefault("TOKIO_WORKER_THREADS", "16")

from pysail.flight import FlightSqlServer


def main() -> None:
    # Ctrl-C in a terminal also reaches this process; the warehouse ends it when it is not needed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = FlightSqlServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    assert address is not None
    _answer(address[1])
    for _ in sys.stdin:
        _answer(_memory())


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _memory() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except FileNotFoundError:  # on macOS, this is the peak in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # the warehouse has ended
        main()
    # At once: the engine's threads must not run while the interpreter shuts down.
    os._exit(0)
