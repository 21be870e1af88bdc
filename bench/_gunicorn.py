"""The app behind gunicorn, started with the command of app.yaml."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


@contextmanager
def serving() -> Iterator[int]:
    """Yield the port on which the app answers. The environment says which data it uses."""
    with started({}) as (port, _):
        yield port


@contextmanager
def started(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Yield the port and the process id of the app, which has these variables, too."""
    port = _free_port()
    log = Path(os.environ["EDIP_LOCAL_DATA"]) / "gunicorn.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            _command(port),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )
    try:
        _wait(port, server)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(timeout=30)


def _command(port: int) -> list[str]:
    """Return app.yaml's command on loopback: in local mode nobody signs in."""
    words = yaml.safe_load((ROOT / "app.yaml").read_text())["command"]
    kept = [word for word in words[1:] if not word.startswith("--bind=")]
    return [sys.executable, "-m", words[0], *kept, f"--bind=127.0.0.1:{port}"]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(START_SECONDS * 10):
        if server.poll() is not None:
            raise RuntimeError(f"gunicorn ended with {server.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"gunicorn did not answer within {START_SECONDS} s")
