from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.repository import ddl
from crm.repository.tables import migrations
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _namespace


class Command(BaseCommand):
    help = (
        "Migrate the tables to what this version of the CRM needs, in small steps that keep the "
        "data. It is safe to run again, also while another run is under way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--plan", action="store_true", help="only print the statements")
        what.add_argument(
            "--check",
            action="store_true",
            help="only print the statements, and exit with 1 if there are any",
        )
        parser.add_argument(
            "--to",
            type=int,
            choices=[step.number for step in migrations.STEPS],
            default=ddl.VERSION,
            help="the last step to run (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options)
        try:
            if options["plan"] or options["check"]:
                self._print_plan(wh, options)
                return
            done = list(self._run(wh, options["to"]))
        except (migrations.CannotMigrate, WarehouseError) as error:
            raise CommandError(str(error)) from error
        if not done:
            self.stdout.write(_namespace.UP_TO_DATE)

    def _run(self, wh: Warehouse, to: int) -> Iterator[migrations.Step]:
        for step in migrations.run(wh, to, settings.EDIP_HISTORY_DAYS):
            self.stdout.write(self.style.SUCCESS(f"{step.number}: {step.name}: done"))
            yield step

    def _print_plan(self, wh: Warehouse, options: dict[str, Any]) -> None:
        steps = migrations.plan(wh, options["to"], settings.EDIP_HISTORY_DAYS)
        for step, statements in steps:
            self.stdout.write(f"{step.number}: {step.name}")
            for statement in statements or ["(no statement; only the version is noted)"]:
                self.stdout.write(f"   {statement}")
        if not steps:
            self.stdout.write(_namespace.UP_TO_DATE)
        elif options["check"]:
            sys.exit(1)
