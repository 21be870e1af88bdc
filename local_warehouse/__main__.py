"""``python -m local_warehouse --data DIR [--port N]``: serve the warehouse on loopback."""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from local_warehouse.catalog.data_folder import UnusableDataFolder, hold, plain_path
from local_warehouse.serve.http import PATH, Server

from .warehouse import Warehouse


def main() -> int:
    options = _options()
    options.data.mkdir(parents=True, exist_ok=True)
    try:
        with hold(options.data), plain_path(options.data.resolve()) as folder:
            serve(folder, options)
    except UnusableDataFolder as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def serve(folder: Path, options: argparse.Namespace) -> None:
    """Serve the warehouse until a signal or a request stops it."""
    with suppress(OSError, AttributeError):  # another C library than glibc
        # Two heaps for all threads (M_ARENA_MAX), because a heap never returns memory.
        ctypes.CDLL(None).mallopt(-8, 2)
    warehouse = Warehouse(folder, options.session_idle_seconds)
    # What is loaded now stays; later, a statement's tree is thousands of objects.
    gc.freeze()
    gc.set_threshold(20_000)
    server = Server(warehouse, options.host, options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    announcement = options.data / "server.json"
    _announce(announcement, server)
    if options.exit_with_clients:
        threading.Thread(target=server.control.stop_when_unused, daemon=True).start()
    sys.stdout.write(f"Local warehouse at {server.origin}{PATH}, data in {options.data}\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        announcement.unlink(missing_ok=True)
        warehouse.stop()


def _announce(file: Path, server: Server) -> None:
    """Write addresses and the control endpoint's secret to a file, for the user's processes."""
    content = {
        "pid": os.getpid(),
        "url": server.origin + PATH,
        "control": server.origin + "/control",
        "secret": server.secret,
    }
    temporary = file.with_suffix(".tmp")
    # The mode applies only to a new file; an existing one might be readable by others.
    temporary.unlink(missing_ok=True)
    new = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(new, "w") as output:
        json.dump(content, output)
    temporary.replace(file)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_warehouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of tables and catalog")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--session-idle-seconds", type=float, default=900)
    parser.add_argument(
        "--exit-with-clients",
        action="store_true",
        help="stop when no process registered at /control/clients is alive",
    )
    return parser.parse_args()


if __name__ == "__main__":
    code = main()
    # Exit at once: the engine's threads must not run while the interpreter shuts down.
    sys.stdout.flush()
    os._exit(code)
