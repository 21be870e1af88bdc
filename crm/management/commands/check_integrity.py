from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management import namespace as where
from crm.repository import integrity
from crm.repository.integrity import Check, Problem
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError


class Command(BaseCommand):
    help = (
        "Look for what Unity Catalog does not prevent: duplicate keys, orphans, two statuses for "
        "one platform, empty required fields, unknown words, bad links, impossible times. Exits "
        "with 1 if there is any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
        parser.add_argument(
            "--fix", action="store_true", help="repair what has a repair, after asking"
        )
        parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        wh = where.warehouse(options)
        try:
            left = self._check(wh)
            if options["fix"] and any(problem.repair for _, found in left for problem in found):
                self._fix(wh, left, ask=not options["yes"])
                self.stdout.write("\nLooking again:")
                left = self._check(wh)
        except WarehouseError as error:
            raise CommandError(str(error)) from error
        if any(found for _, found in left):
            sys.exit(1)

    def _check(self, wh: Warehouse) -> list[tuple[Check, list[Problem]]]:
        results = list(integrity.look(wh).items())
        for check, found in results:
            verdict = self.style.ERROR(str(len(found))) if found else self.style.SUCCESS("none")
            self.stdout.write(f"{check.title}: {verdict}")
            for problem in found:
                repair = f" [repair: {problem.repair}]" if problem.repair else ""
                self.stdout.write(
                    f"  {problem.table.name} {problem.key}: {problem.detail}{repair}"
                )
        return results

    def _fix(
        self, wh: Warehouse, results: list[tuple[Check, list[Problem]]], *, ask: bool
    ) -> None:
        for check, found in results:
            repairs = sum(bool(problem.repair) for problem in found)
            if not repairs:
                continue
            if ask:
                answer = input(f"Repair {repairs} of “{check.title}” as said above? [y/N] ")
                if answer.strip().lower() not in ("y", "yes"):
                    continue
            changed = integrity.repair(wh, check)
            self.stdout.write(self.style.SUCCESS(f"{check.title}: repaired, {changed} rows"))
