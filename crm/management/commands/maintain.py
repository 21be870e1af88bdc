from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from crm.repository.tables import grants, privileges, upkeep
from crm.repository.tables.upkeep import Upkeep
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _namespace


class Command(BaseCommand):
    help = (
        "Compact the tables' files (OPTIMIZE), and delete files that no version within the "
        "retention needs (VACUUM). Changes no row. Run it in a weekly job. Exit code 1 if "
        "something could not be done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options).for_bulk()
        failed = []
        try:
            for done in upkeep.tend(wh):
                self.stdout.write(f"{done.table.name}: {self._words(done)}")
                if done.problem:
                    failed.append(done)
            if any(each.is_forbidden for each in failed):
                self._name_missing_rights(wh)
        except WarehouseError as error:
            raise CommandError(str(error)) from error
        if failed:
            sys.exit(1)

    def _words(self, done: Upkeep) -> str:
        if done.problem:
            return self.style.ERROR(done.problem)
        if not done.before or not done.after:
            return "does not exist; the CRM works without it"
        deleted = "an unknown number of" if done.deleted is None else done.deleted
        return (
            f"{done.before.files} → {done.after.files} files, "
            f"{filesizeformat(done.after.bytes)}; {deleted} old files deleted, versions of the "
            f"last {done.after.kept} kept"
        )

    def _name_missing_rights(self, wh: Warehouse) -> None:
        self.stdout.write(
            "Your rights do not suffice. Whoever owns the tables runs this command, or grants "
            "you what is missing:"
        )
        for right in grants.statements(grants.EDITOR, wh.namespace, privileges.current_user(wh)):
            self.stdout.write(f"  {right};")
