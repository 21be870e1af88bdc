from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.model.namespace import Namespace
from crm.repository.tables import backups, migrations
from crm.repository.tables.backups import Backup
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _backups as home_of
from . import _namespace as where


class Command(BaseCommand):
    help = (
        "Copy the four tables, as of one moment, to a schema of their own (deep clones), verify "
        "the copies, and remove backups that are kept no longer. To be run by a job every day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
        home_of.add_arguments(parser)
        parser.add_argument("--list", action="store_true", help="only list what there is")
        parser.add_argument(
            "--keep",
            type=int,
            default=settings.EDIP_BACKUPS_KEEP,
            help="how many to keep at least (default: %(default)s)",
        )
        parser.add_argument(
            "--keep-days",
            type=int,
            default=settings.EDIP_BACKUPS_KEEP_DAYS,
            help="how many days to keep each at least (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wh = where.warehouse(options)
        home = home_of.home(options)
        try:
            backups.create_home(wh, home)
            if options["list"]:
                self._list(wh, home)
            else:
                self._take(wh, home, options["keep"], options["keep_days"])
        except (WarehouseError, backups.NotVerified, migrations.NotNow) as error:
            raise CommandError(str(error)) from error

    def _take(self, wh: Warehouse, home: Namespace, keep: int, days: int) -> None:
        version = migrations.look(wh).version
        for half in backups.clear_away_halves(wh, home, timezone.now()):
            self.stdout.write(f"{half}: was never finished; cleared away")
        taken = backups.take(wh, home, version)
        self.stdout.write(self.style.SUCCESS(f"{_line(taken)}: taken and verified"))
        over = backups.expired(backups.listed(wh, home), keep, days, timezone.now())
        backups.remove(wh, home, over)
        for backup in over:
            self.stdout.write(f"{backup.id}: removed, being kept no longer")

    def _list(self, wh: Warehouse, home: Namespace) -> None:
        found = backups.listed(wh, home)
        for backup in found:
            self.stdout.write(f"{_line(backup)}, by {backup.taken_by}")
        if not found:
            self.stdout.write("There is no backup yet.")


def _line(backup: Backup) -> str:
    rows = ", ".join(f"{copied.rows} {copied.table.plural}" for copied in backup.tables)
    return f"{backup.id} (as of {backup.moment:%Y-%m-%d %H:%M:%S} UTC): {rows}"
