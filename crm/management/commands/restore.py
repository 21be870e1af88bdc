from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.repository import ddl
from crm.repository.past import restore_tables
from crm.repository.tables import migrations
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _backups as home_of
from . import _namespace as where
from ._restore_plan import Plan, plan


class Command(BaseCommand):
    help = (
        "Put the tables back to a backup, to a moment or to versions. Says what would change "
        "and asks first; the tables' history keeps what was there before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
        home_of.add_arguments(parser)
        to = parser.add_mutually_exclusive_group(required=True)
        to.add_argument("--backup", metavar="ID", help="as `backup --list` names it")
        to.add_argument("--to-time", metavar="TIME", help="such as 2026-11-20T09:30:00Z (UTC)")
        to.add_argument(
            "--to-version",
            action="append",
            metavar="TABLE=VERSION",
            help="such as accounts=12; may be repeated, other tables stay as they are",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        wh = where.warehouse(options)
        try:
            found = plan(wh, options)
            self._say(wh, found)
            if options["dry_run"]:
                return
            question = f"Put {len(found.sources)} tables back to {found.what}? [y/N] "
            if not options["yes"] and input(question).strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was changed.")
            self._restore(wh, found)
            self._bring_up_to_date(wh, found)
        except (migrations.NotNow, WarehouseError) as error:
            raise CommandError(str(error)) from error

    def _say(self, wh: Warehouse, found: Plan) -> None:
        there = {t: source for t, source in found.sources.items() if t in found.before}
        counts = restore_tables.preview(wh, there) if there else {}
        for table in restore_tables.in_order(found.sources):
            if table in there:
                removed, back, changed = counts[table]
                said = f"{removed} removed, {back} brought back, {changed} changed"
            else:
                said = f"not there; all of {found.what} would be brought back"
            self.stdout.write(f"{table.plural}: {said}")
            if names := found.lacking.get(table):
                self.stdout.write(f"  {', '.join(names)}: not known then, will be empty")

    def _restore(self, wh: Warehouse, found: Plan) -> None:
        # Before anything is changed: it is needed most where this stops half-way.
        self._say_way_back(wh, found)
        for table in restore_tables.in_order(found.sources):
            if found.put_back(wh, table):
                self.stdout.write(self.style.SUCCESS(f"{table.name}: put back to {found.what}"))
            else:
                self.stdout.write(f"{table.name}: has not changed since")

    def _say_way_back(self, wh: Warehouse, found: Plan) -> None:
        if there := [
            table for table in restore_tables.in_order(found.sources) if table in found.before
        ]:
            versions = " ".join(f"--to-version {t.name}={found.before[t]}" for t in there)
            place = where.arguments(wh.namespace)
            self.stdout.write(f"To take this back: manage.py restore {versions}{place}")
        for table in found.gone:
            self.stdout.write(f"{table.name} is not there now, and is made anew")

    def _bring_up_to_date(self, wh: Warehouse, found: Plan) -> None:
        """A version, or a clone that became a table, may lack what later steps have added."""
        try:
            for step in migrations.run(wh, ddl.VERSION, settings.EDIP_HISTORY_DAYS):
                self.stdout.write(f"migrate_tables, step {step.number}: {step.name}: done")
        except migrations.NoTables as error:
            self.stdout.write(f"Other tables: {error}")
        if found.gone:
            self.stdout.write("Rights on tables made anew are to be granted again: print_grants")
