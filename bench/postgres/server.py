"""A PostgreSQL server of our own, on a Unix socket, with Debian's package and its defaults."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Not in the project: the server's user must be able to enter all folders above.
FOLDER = Path("/var/tmp") / f"edip-bench-postgres-{os.getuid()}"
LIBRARIES = Path(__file__).resolve().parents[2] / ".venv" / "bench"


class NoPostgres(RuntimeError):
    """PostgreSQL or its driver is not installed; the message says what to do."""


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs. Raises NoPostgres."""
    if not (LIBRARIES / "psycopg").exists():
        raise NoPostgres("psycopg is not installed: `make bench` installs it")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        raise NoPostgres("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent if found else Path(str(on_path)).parent


@contextmanager
def running() -> Iterator[Path]:
    """Yield the folder of the server's socket; its data stay for later runs. Raises NoPostgres."""
    programs = find_programs()
    data, sockets = FOLDER / "data", FOLDER / "sockets"
    if not data.exists():
        sockets.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            for folder in (FOLDER, sockets):
                shutil.chown(folder, "postgres", "postgres")
        _run([programs / "initdb", "-U", "bench", "-A", "trust", "-D", data])
    options = f"-k {sockets} -c listen_addresses='' -c max_connections=40"
    control = [programs / "pg_ctl", "-w", "-D", data, "-l", FOLDER / "log"]
    _run([*control, "-o", options, "start"])
    try:
        yield sockets
    finally:
        _run([*control, "-m", "fast", "stop"])


def processes() -> list[int]:
    """Return the ids of the server's processes."""
    first = int((FOLDER / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def _run(command: Sequence[object]) -> None:
    words = [str(word) for word in command]
    if os.getuid() == 0:
        # PostgreSQL refuses to run as root; Debian's package makes this user.
        words = ["runuser", "-u", "postgres", "--", *words]
    done = subprocess.run(
        words, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise NoPostgres(f"{words[-1]}: {done.stderr.strip()}")
