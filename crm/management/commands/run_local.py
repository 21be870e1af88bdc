from __future__ import annotations

import io
import logging
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import runserver


class Command(BaseCommand):
    help = (
        "Serve the CRM on this machine: start the local warehouse, create the tables, load the "
        "sample data on the first run, and start the web server. `make run` runs this."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port",
            default=os.environ.get("PORT") or "8000",
            help="where to serve on 127.0.0.1; default: $PORT, or 8000",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError(
                "DATABRICKS_* variables are set, so this is not local mode. "
                "Unset them, or serve with gunicorn (see app.yaml)."
            )
        self.stdout.write("Starting the local warehouse …")
        with _statements_unlogged():
            call_command("create_tables", "--sample-data", stdout=io.StringIO())
        # Developers edit files while it runs; WhiteNoise would send the number of bytes from
        # before.
        settings.WHITENOISE_AUTOREFRESH, settings.WHITENOISE_MAX_AGE = True, 0
        address = f"127.0.0.1:{options['port']}"
        call_command(Server(), address, use_reloader=settings.DEBUG, stdout=self.stdout)


class Server(runserver.Command):
    """Django's development server; WhiteNoise's middleware serves the static files.

    Once it listens, it writes three lines instead of Django's banner.
    """

    def on_bind(self, server_port: int) -> None:
        host = self.addr  # type: ignore[attr-defined]  # django-stubs do not know it
        self.stdout.write(
            self.style.SUCCESS(f"EDIP CRM is at http://{host}:{server_port}/")
            + f"\nNobody signs in: whoever opens it on this machine acts as {settings.EDIP_USER}."
            + f"\nCtrl-C stops it; your data stay in {settings.LOCAL_DATA}."
        )


@contextmanager
def _statements_unlogged() -> Iterator[None]:
    """Keep the statements of the start out of the terminal; warnings still appear."""
    log = logging.getLogger("crm")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)
