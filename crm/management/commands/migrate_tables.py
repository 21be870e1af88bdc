from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.repository import ddl
from crm.repository.tables import migrations
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _namespace as where


class Command(BaseCommand):
    help = (
        "Bring the tables to what this version of the CRM needs, in small steps that keep the "
        "data. Safe to run again, and while another run is under way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--plan", action="store_true", help="only say what would be run")
        what.add_argument(
            "--check", action="store_true", help="only say, and exit with 1 if steps are missing"
        )
        parser.add_argument(
            "--to",
            type=int,
            choices=[step.number for step in migrations.STEPS],
            default=ddl.VERSION,
            help="the last step to take (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wh = where.warehouse(options)
        try:
            if options["plan"] or options["check"]:
                self._say_plan(wh, options)
                return
            taken = list(self._run(wh, options["to"]))
        except (migrations.NotNow, WarehouseError) as error:
            raise CommandError(str(error)) from error
        if not taken:
            self.stdout.write("The tables are as they should be.")

    def _run(self, wh: Warehouse, to: int) -> Any:
        for step in migrations.run(wh, to, settings.EDIP_HISTORY_DAYS):
            self.stdout.write(self.style.SUCCESS(f"{step.number}: {step.name}: done"))
            yield step

    def _say_plan(self, wh: Warehouse, options: dict[str, Any]) -> None:
        steps = migrations.plan(wh, options["to"], settings.EDIP_HISTORY_DAYS)
        for step, statements in steps:
            self.stdout.write(f"{step.number}: {step.name}")
            for statement in statements or ["(nothing to run, only to be noted)"]:
                self.stdout.write(f"   {statement}")
        if not steps:
            self.stdout.write("The tables are as they should be.")
        elif options["check"]:
            sys.exit(1)
