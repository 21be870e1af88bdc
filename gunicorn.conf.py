"""gunicorn's configuration; app.yaml adds only the address to listen on.

Neither this file nor a worker sends a statement before the first request.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

# Requests wait for the warehouse rather than for the processor, hence threads. Databricks Apps
# gives two processors, hence two processes. Each process has a pool of 8 connections
# (EDIP_POOL_SIZE), and lets 48 requests use them or wait for them (crm/middleware/person.py); 16
# threads remain for /healthz and pages without statements.
worker_class = "gthread"
workers = 2
threads = 64
# This ends a process that hangs; a thread that waits does not count.
timeout = 90
# Databricks Apps sends SIGKILL 15 s after SIGTERM. Requests under way get 10 of these seconds; a
# busy machine may need the others to end the processes. Reads get less: so a warehouse that hangs
# does not keep the processes.
graceful_timeout = 10
READ_SECONDS = 5
# The variable that names the folder of the processes' counters; only this file uses it.
METRICS = "_EDIP_METRICS_FOLDER"
# Proxies reuse connections; if we close one while a request arrives, that request fails.
keepalive = 75

# crm/middleware/request_log.py logs requests, without their query strings.
accesslog = None
# A list with many filters has a long address. gunicorn answers a longer one without our page.
limit_request_line = 8190
# One header may have so many bytes. The app answers a Cookie header of more than 8190 with a page
# that says what to do; gunicorn answers a longer one without our page.
limit_request_field_size = 32_768
# X_Forwarded_Email would look like X-Forwarded-Email to the app.
header_map = "drop"
# We do not use the control socket; only an intruder could.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Collect static files and load the app's code and templates before workers start.

    app.yaml's command has no shell to collect the files. They go to a new folder in the temporary
    directory, which is writable everywhere, so that no old file is served. This takes less than a
    second. All instances choose the same names, since the names are hashes of the content.
    """
    _share_heaps()
    folder = tempfile.mkdtemp(prefix="edip-static-")
    # Set before Django reads its settings; the workers inherit the variables.
    os.environ["EDIP_STATIC_ROOT"] = folder
    os.environ[METRICS] = tempfile.mkdtemp(prefix="edip-metrics-")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")

    import django
    from django.conf import settings
    from django.core.management import call_command

    from edip.warm_up import spare_garbage_search, warm_up

    django.setup()
    _require_loopback(server, settings)
    _warn_if_everybody_may_write()
    call_command("collectstatic", interactive=False, verbosity=0)
    # The workers are forked from this process: they share what it loads, and are ready at once.
    warm_up()
    spare_garbage_search()


def post_worker_init(worker: Any) -> None:
    """Prepare a worker, which takes requests only after this.

    It removes uploads after an hour, also those of a worker that died, and ends reads at SIGTERM.
    """
    from crm import metrics, telemetry
    from crm.importing.jobs import job
    from crm.warehouse import deadline, gauges

    job.start_sweeper()
    metrics.share(Path(os.environ[METRICS]), gauges)
    telemetry.start(gauges)

    def stop(number: int, frame: Any) -> None:
        deadline.end_reads_after(READ_SECONDS)
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, stop)


def worker_exit(server: Any, worker: Any) -> None:
    from crm import telemetry

    telemetry.stop()


def on_exit(server: Any) -> None:
    for name in ("EDIP_STATIC_ROOT", METRICS):
        shutil.rmtree(os.environ.get(name, ""), ignore_errors=True)


def _warn_if_everybody_may_write() -> None:
    from crm.identity import roles

    if roles.everybody_may_write():
        logging.getLogger("crm").warning(
            "EDIP_EDITORS names nobody: everybody who can open the app may write. docs/sign-in.md"
        )


def _share_heaps() -> None:
    """Let all threads share two heaps, as MALLOC_ARENA_MAX=2 would.

    Without it glibc gives 64 threads 16 heaps, and each keeps what it once had: the memory grew
    with each request (docs/performance.md).
    """
    arena_max = -8  # M_ARENA_MAX of mallopt(3)
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(arena_max, 2)


def _require_loopback(server: Any, settings: Any) -> None:
    """Outside of Databricks Apps nobody signs in, so nobody else may connect.

    Raises RuntimeError.
    """
    hosts = {str(address[0]) for address in server.cfg.address if isinstance(address, tuple)}
    if not settings.IN_DATABRICKS_APPS and hosts - {"127.0.0.1", "::1", "localhost"}:
        raise RuntimeError(
            "Outside of Databricks Apps nobody signs in. So the CRM listens on 127.0.0.1 only, "
            f"not on {', '.join(sorted(hosts))}."
        )
