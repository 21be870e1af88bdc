from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.repository.integrity import checks, repairs
from crm.repository.integrity.checks import Check, Found
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _namespace


class Command(BaseCommand):
    help = (
        "Find problems that Unity Catalog does not prevent: duplicate keys, orphans, two statuses "
        "for one platform, empty required fields, unknown words, bad links, impossible times. "
        "Exit code 1 if there are any."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        parser.add_argument(
            "--fix",
            action="store_true",
            help="repair the problems that have a repair, after asking",
        )
        parser.add_argument("--yes", action="store_true", help="with --fix: do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options)
        try:
            left = self._check(wh)
            if options["fix"] and any(found.repairable for _, found in left):
                self._fix(wh, left, ask=not options["yes"])
                self.stdout.write("\nChecking again:")
                left = self._check(wh)
        except WarehouseError as error:
            raise CommandError(str(error)) from error
        if any(found.total for _, found in left):
            sys.exit(1)

    def _check(self, wh: Warehouse) -> list[tuple[Check, Found]]:
        results = list(checks.run_checks(wh).items())
        for check, found in results:
            none = self.style.SUCCESS("none")
            verdict = self.style.ERROR(str(found.total)) if found.total else none
            self.stdout.write(f"{check.title}: {verdict}")
            for problem in found.problems:
                repair = f" [repair: {problem.repair}]" if problem.repair else ""
                self.stdout.write(
                    f"  {problem.table.name} {problem.key}: {problem.detail}{repair}"
                )
            if found.is_doubtful:
                self.stdout.write("  A row filter may hide these accounts, so none is created.")
            if found.is_masked:
                self.stdout.write("  A column mask hides what some repairs depend on.")
            if others := found.total - len(found.problems):
                self.stdout.write(f"  … and {others} more")
        return results

    def _fix(self, wh: Warehouse, results: list[tuple[Check, Found]], *, ask: bool) -> None:
        for check, found in results:
            if not found.repairable:
                continue
            if ask:
                question = f"Repair {found.repairable} of “{check.title}” as listed above? [y/N] "
                if input(question).strip().lower() not in ("y", "yes"):
                    continue
            changed = repairs.repair(wh, check)
            noun = "keys" if check.by_key else "rows"
            self.stdout.write(self.style.SUCCESS(f"{check.title}: repaired, {changed} {noun}"))
