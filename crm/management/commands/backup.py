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

from . import _backups, _namespace


class Command(BaseCommand):
    help = (
        "Copy the four tables as of one moment to a schema for backups (deep clones), verify the "
        "copies, and remove expired backups. Run it in a daily job."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        _backups.add_arguments(parser)
        parser.add_argument("--list", action="store_true", help="only list the backups")
        parser.add_argument(
            "--keep",
            type=int,
            default=settings.EDIP_BACKUPS_KEEP,
            help="the number of backups to keep at least (default: %(default)s)",
        )
        parser.add_argument(
            "--keep-days",
            type=int,
            default=settings.EDIP_BACKUPS_KEEP_DAYS,
            help="days for which to keep each backup at least (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options).for_bulk()
        home = _backups.home(options)
        try:
            backups.create_home(wh, home)
            if options["list"]:
                self._list(wh, home)
            else:
                self._back_up(wh, home, options["keep"], options["keep_days"])
        except (WarehouseError, backups.NotVerified, migrations.CannotMigrate) as error:
            raise CommandError(str(error)) from error

    def _back_up(self, wh: Warehouse, home: Namespace, keep: int, days: int) -> None:
        version = migrations.read_schema_state(wh).version
        for failed_id in backups.remove_failed(wh, home, timezone.now()):
            self.stdout.write(f"{failed_id}: was never finished; removed")
        created = backups.create(wh, home, version)
        self.stdout.write(self.style.SUCCESS(f"{_line(created)}: made and verified"))
        expired = backups.expired(backups.list_backups(wh, home), keep, days, timezone.now())
        backups.remove(wh, home, expired)
        for backup in expired:
            self.stdout.write(f"{backup.id}: removed, it has expired")

    def _list(self, wh: Warehouse, home: Namespace) -> None:
        found = backups.list_backups(wh, home)
        for backup in found:
            self.stdout.write(f"{_line(backup)}, by {backup.taken_by}")
        if not found:
            self.stdout.write("There is no backup yet.")


def _line(backup: Backup) -> str:
    rows = ", ".join(f"{copied.rows} {copied.table.plural}" for copied in backup.tables)
    return f"{backup.id} (as of {backup.moment:%Y-%m-%d %H:%M:%S} UTC): {rows}"
