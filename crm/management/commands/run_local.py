from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Serve the CRM on this machine: the local warehouse, its tables, on the first run "
        "sample data, and the web server. What `make run` starts."
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
        call_command("create_tables", "--sample-data", stdout=self.stdout)
        self.stdout.write(
            self.style.SUCCESS(f"\nEDIP CRM is at http://127.0.0.1:{options['port']}/")
            + "\nOn 127.0.0.1 only: nobody signs in, and whoever reaches the port may edit."
            + f"\nIts data stay in {settings.LOCAL_DATA}. Ctrl-C stops everything.\n"
        )
        os.environ.setdefault("DJANGO_RUNSERVER_HIDE_WARNING", "true")
        call_command("runserver", f"127.0.0.1:{options['port']}", use_reloader=settings.DEBUG)
