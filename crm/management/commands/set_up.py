from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from crm.repository.tables import grants, migrations, set_up
from crm.repository.tables.set_up import Done, Part
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _namespace

# After missing tables are created, the others may need a migration.
ROUNDS = 3


class Command(BaseCommand):
    help = (
        "Create the tables, or migrate them to what this version of the CRM needs, and grant "
        "rights on them. It is safe to run again. Exit code 1 if something could not be done."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        parser.add_argument("--plan", action="store_true", help="only print the statements")
        for role, what in ((grants.EDITOR, "read and change"), (grants.READER, "read")):
            parser.add_argument(
                f"--grant-{role}",
                action="append",
                default=[],
                metavar="PRINCIPAL",
                help=f"let this user, group or service principal {what} the tables; may be "
                "given several times",
            )
        parser.add_argument(
            "--sample-data",
            action="store_true",
            help="also load the sample data if the accounts table did not exist before",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            wh, rights = _namespace.warehouse(options).for_bulk(), _rights(options)
            if options["plan"]:
                self._print(set_up.plan(wh, settings.EDIP_HISTORY_DAYS, rights))
                return
            done = self._run(wh, rights)
        except (ValueError, migrations.CannotMigrate, WarehouseError) as error:
            raise CommandError(str(error)) from error
        failed = [each for each in done if each.problem]
        if any(each.is_forbidden for each in failed):
            self.stdout.write(
                "Your rights do not suffice. Somebody who has them runs this command, or grants "
                "you what is missing:"
            )
            for statement in set_up.needed_rights(wh):
                self.stdout.write(f"  {statement};")
        if failed:
            sys.exit(1)
        if options["sample_data"] and any("accounts" in each.part.name for each in done):
            home = {name: options[name] for name in ("catalog", "schema", "prefix")}
            call_command("seed_data", **home, stdout=self.stdout)

    def _run(self, wh: Warehouse, rights: Sequence[str]) -> list[Done]:
        """Run the remaining parts, and the parts that become possible after them."""
        done: list[Done] = []
        parts = set_up.plan(wh, settings.EDIP_HISTORY_DAYS, rights)
        for _ in range(ROUNDS):
            if not parts or any(each.problem for each in done):
                break
            for each in set_up.run(parts):
                done.append(each)
                result = self.style.ERROR(each.problem) if each.problem else "done"
                self.stdout.write(f"{each.part.name}: {result}")
            parts = set_up.plan(wh, settings.EDIP_HISTORY_DAYS)
        if not parts:
            self.stdout.write(_namespace.UP_TO_DATE)
        return done

    def _print(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self.stdout.write(f"-- {part.name}")
            for statement in part.statements:
                self.stdout.write(f"{statement};")
        if not parts:
            self.stdout.write(_namespace.UP_TO_DATE)


def _rights(options: dict[str, Any]) -> list[str]:
    """Return the GRANTs that the options ask for. Raises ValueError."""
    namespace = _namespace.namespace(options)
    return [
        statement
        for role in (grants.EDITOR, grants.READER)
        for principal in options[f"grant_{role}"]
        for statement in grants.statements(role, namespace, principal)
    ]
