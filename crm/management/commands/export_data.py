from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.exporting import exporter
from crm.warehouse.errors import WarehouseError

from . import _namespace

SUFFIXES = {"json": ".json", "csv": ".zip", "xlsx": ".xlsx", "sql": ".sql"}


class Command(BaseCommand):
    help = (
        "Write all data to a file: json (which import_legacy takes back, losing nothing), csv (a "
        "zip with a file per table), xlsx (a sheet per table) or sql (INSERT statements)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=exporter.FORMATS, default="json")
        parser.add_argument(
            "--output", type=Path, help="default: edip-crm with the format's ending, here"
        )
        _namespace.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        form = options["format"]
        path = options["output"] or Path(f"edip-crm{SUFFIXES[form]}")
        if path.is_dir():
            raise CommandError(f"{path} is a folder; --output must name a file.")
        try:
            counts = exporter.export(_namespace.warehouse(options), form, path)
        except WarehouseError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        for plural, count in counts.items():
            self.stdout.write(f"{plural}: {count}")
        self.stdout.write(self.style.SUCCESS(f"Written to {path}."))
