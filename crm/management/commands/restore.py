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

from . import _backups, _namespace
from ._restore_plan import Plan, plan


class Command(BaseCommand):
    help = (
        "Restore the tables to a backup, to a moment or to versions. Prints what would change and "
        "asks first. The tables' history keeps their present content."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        _backups.add_arguments(parser)
        parser.add_argument(
            "--of-schema",
            metavar="SCHEMA",
            help="with --backup: the schema, or catalog.schema, that was backed up, where its "
            "rows are restored to the tables of another one (default: --schema)",
        )
        to = parser.add_mutually_exclusive_group(required=True)
        to.add_argument("--backup", metavar="ID", help="an id from backup --list")
        to.add_argument("--to-time", metavar="TIME", help="such as 2026-11-20T09:30:00Z (UTC)")
        to.add_argument(
            "--to-version",
            action="append",
            metavar="TABLE=VERSION",
            help="such as accounts=12; may be repeated; other tables stay unchanged",
        )
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options).for_bulk()
        try:
            found = plan(wh, options)
            self._preview(wh, found)
            if options["dry_run"]:
                return
            question = f"Restore {len(found.sources)} tables to {found.what}? [y/N] "
            if not options["yes"] and input(question).strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was changed.")
            self._restore(wh, found)
            self._migrate(wh, found)
        except (migrations.CannotMigrate, WarehouseError) as error:
            raise CommandError(str(error)) from error

    def _preview(self, wh: Warehouse, found: Plan) -> None:
        existing = {t: source for t, source in found.sources.items() if t in found.before}
        counts = restore_tables.preview(wh, existing) if existing else {}
        for table in restore_tables.in_order(found.sources):
            if table in existing:
                removed, restored, changed = counts[table]
                effect = f"{removed} removed, {restored} restored, {changed} changed"
            else:
                effect = f"the table does not exist; all rows of {found.what} are restored"
            self.stdout.write(f"{table.plural}: {effect}")
            if names := found.missing_columns.get(table):
                self.stdout.write(f"  {', '.join(names)}: did not exist then, will be empty")

    def _restore(self, wh: Warehouse, found: Plan) -> None:
        # Print it before anything is changed: it is needed most if the restore fails in the
        # middle.
        self._print_way_back(wh, found)
        for table in restore_tables.in_order(found.sources):
            if found.restore(wh, table):
                self.stdout.write(self.style.SUCCESS(f"{table.name}: restored to {found.what}"))
            else:
                self.stdout.write(f"{table.name}: nothing to restore, it has not changed since")

    def _print_way_back(self, wh: Warehouse, found: Plan) -> None:
        if existing := [
            table for table in restore_tables.in_order(found.sources) if table in found.before
        ]:
            versions = " ".join(f"--to-version {t.name}={found.before[t]}" for t in existing)
            place = _namespace.arguments(wh.namespace)
            self.stdout.write(f"To undo this: manage.py restore {versions}{place}")
        for table in found.missing_tables:
            self.stdout.write(f"{table.name} does not exist now and will be created")

    def _migrate(self, wh: Warehouse, found: Plan) -> None:
        """Migrate the tables: an old version or a clone may lack the changes of later steps."""
        try:
            for step in migrations.run(wh, ddl.VERSION, settings.EDIP_HISTORY_DAYS):
                self.stdout.write(f"migrate_tables, step {step.number}: {step.name}: done")
        except migrations.NoTables as error:
            self.stdout.write(f"Other tables: {error}")
        if found.missing_tables:
            self.stdout.write("Grant the rights on the created tables again: see print_grants")
