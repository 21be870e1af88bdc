from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.exporting import template
from crm.model.schema import TABLE_BY_NAME


class Command(BaseCommand):
    help = "Write a template of a table, to fill in and to import with import_legacy."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", choices=TABLE_BY_NAME)
        parser.add_argument("--format", choices=template.FORMS, default="xlsx")
        parser.add_argument(
            "--output", type=Path, help="default: the table's name with the format's ending, here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        table, form = TABLE_BY_NAME[options["table"]], options["format"]
        path = options["output"] or Path(f"{table.name}.{form}")
        try:
            with path.open("wb") as file:
                template.write(file, table, form)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error
        for label, words in template.words(table):
            self.stdout.write(f"{label}: {', '.join(words)}")
        self.stdout.write(self.style.SUCCESS(f"Written to {path}."))
