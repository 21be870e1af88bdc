from __future__ import annotations

import re
import sys
from argparse import ArgumentParser
from importlib import metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.model.namespace import Namespace
from crm.rehearsal import compare, rehearse, report
from crm.rehearsal.cases.stage import Case
from crm.rehearsal.rehearse import Outcome, Unusable
from crm.warehouse.errors import WarehouseError

from . import _namespace


class Command(BaseCommand):
    help = (
        "Run every kind of statement of the CRM in a scratch schema, compare the answers with "
        "those of the local warehouse, drop the schema, and write a report without data. Exit "
        "code 1 if a difference matters."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--catalog", default=settings.NAMESPACE.catalog)
        parser.add_argument(
            "--schema",
            required=True,
            help="a schema that does not exist; it is created, and dropped at the end, as is a "
            "second one with _backups after its name",
        )
        parser.add_argument(
            "--report",
            type=Path,
            default=Path("rehearsal.md"),
            help="where to write the report (default: %(default)s)",
        )
        parser.add_argument(
            "--only", default="", help="run only cases whose name this expression finds"
        )
        parser.add_argument(
            "--record",
            action="store_true",
            help="for developers: keep these answers as the expected ones",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            where = Namespace(options["catalog"], options["schema"])
            place = {"catalog": where.catalog, "schema": where.schema, "prefix": ""}
            wh = _namespace.warehouse(place).for_bulk()
            outcomes = rehearse.run(wh, options["only"], self._say)
        except (ValueError, re.error, Unusable, WarehouseError) as error:
            raise CommandError(str(error)) from error
        if options["record"]:
            compare.write(outcomes)
            self.stdout.write(f"{len(outcomes)} cases recorded")
            return
        found = compare.differences(compare.read(), outcomes)
        self._write(options["report"], report.text(outcomes, found, _versions()))
        mattering = sum(each.matters for each in found)
        self.stdout.write(
            f"{len(found)} differences, {mattering} of them matter: see {options['report']}"
        )
        if mattering:
            sys.exit(1)

    def _say(self, case: Case, outcome: Outcome) -> None:
        self.stdout.write(f"{case.name}: {outcome.result}")

    def _write(self, file: Path, text: str) -> None:
        try:
            file.write_text(text)
        except OSError as error:
            raise CommandError(f"The report could not be written: {error}") from error


def _versions() -> str:
    names = ("databricks-sql-connector", "pyarrow")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)
