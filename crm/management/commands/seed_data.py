from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm import sample_data
from crm.repository import operations, summaries
from crm.repository.integrity import checks
from crm.repository.operations import Operation
from crm.repository.steps import noted
from crm.repository.transfer.insert_missing import insert_missing
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, WarehouseError

from . import _namespace


class Command(BaseCommand):
    help = "Load the sample data. Rows that already exist stay as they are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options)
        operation = operations.new(wh, operations.LOAD)
        try:
            with noted(wh, operation, lambda: summaries.LOADED_SAMPLE):
                self._load(wh, operation)
            self._warn_of_duplicates(wh)
        except ObjectNotFound as error:
            raise CommandError(f"{error}\nRun create_tables first.") from error
        except WarehouseError as error:
            raise CommandError(str(error)) from error

    def _load(self, wh: Warehouse, operation: Operation) -> None:
        for table, rows in sample_data.rows(dt.datetime.now(dt.UTC).date()).items():
            added = insert_missing(wh, table, rows, operation)
            self.stdout.write(f"{table.plural}: {added} of {len(rows)} added")

    def _warn_of_duplicates(self, wh: Warehouse) -> None:
        """Unity Catalog may accept the same rows from two runs at the same moment."""
        [found] = checks.run_checks(wh, (checks.DUPLICATES,)).values()
        if found.total:
            keys = "key has" if found.total == 1 else "keys have"
            self.stdout.write(
                self.style.WARNING(
                    f"{found.total} {keys} more than one row, perhaps because seed_data ran twice "
                    "at the same moment. check_integrity lists them; with --fix it repairs them."
                )
            )
