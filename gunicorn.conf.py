"""How gunicorn serves the CRM; app.yaml adds only the address to listen on.

Nothing here, and nothing that a worker does before its first request, asks the warehouse.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

# Requests wait for the warehouse, not for the processor: threads, and a second process for
# the second processor that Databricks Apps gives. Each process has its own connection pool
# (EDIP_POOL_SIZE, 8), so that every thread can have a connection.
worker_class = "gthread"
workers = 2
threads = 8
# A thread may wait longer than its process may be silent; this only ends a process that hangs.
timeout = 90
# Databricks Apps sends SIGTERM, and SIGKILL 15 s later: what is under way has 12 of them.
graceful_timeout = 12
# Proxies keep connections; one that we close while a request is coming is an error page.
keepalive = 75

accesslog = "-"
# A list with many filters has a long address. Beyond this, gunicorn answers without dress.
limit_request_line = 8190
# Nobody can reach a container's control socket except whoever has broken into it.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Collect static files, before workers start: app.yaml's command has no shell to do it.

    Into a fresh folder in the temporary directory: the one place that is certainly writable,
    and nothing old is ever served. It takes less than a second; every instance does it for
    itself and comes to the same names, since they are made from the content.
    """
    folder = tempfile.mkdtemp(prefix="edip-static-")
    # Before Django reads its settings; the workers inherit both.
    os.environ["EDIP_STATIC_ROOT"] = folder
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")

    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    _refuse_strangers(server, settings)
    call_command("collectstatic", interactive=False, verbosity=0)


def post_worker_init(worker: Any) -> None:
    """What was uploaded goes an hour later, also where a worker died over it."""
    from crm.importing.jobs import job

    job.keep_tidy()


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ.get("EDIP_STATIC_ROOT", ""), ignore_errors=True)


def _refuse_strangers(server: Any, settings: Any) -> None:
    """In local mode nobody signs in, so nobody else may come in."""
    hosts = {str(address[0]) for address in server.cfg.address if isinstance(address, tuple)}
    if settings.EDIP_PLAIN_HTTP and hosts - {"127.0.0.1", "::1", "localhost"}:
        raise RuntimeError(
            "Without a TLS proxy in front (local mode, or EDIP_PLAIN_HTTP) the CRM listens on "
            f"127.0.0.1 only, not on {', '.join(sorted(hosts))}."
        )
