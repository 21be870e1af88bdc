from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm import moments
from crm.management import backups as home_of
from crm.management import namespace as where
from crm.repository import backups, restoring, timeline
from crm.repository.errors import Missing
from crm.schema import TABLES, Table
from crm.warehouse import Warehouse
from crm.warehouse.errors import ObjectNotFound, WarehouseError

_BY_NAME = {table.name: table for table in TABLES}


@dataclass(frozen=True)
class Plan:
    """``sources``: what each table is put back to, as it stands in FROM."""

    what: str
    sources: dict[Table, str]
    put_back: Callable[[Table], None]


class Command(BaseCommand):
    help = (
        "Put the tables back to a backup, to a moment or to versions. Says what would change "
        "and asks first; the tables' history keeps what was there before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
        home_of.add_arguments(parser)
        to = parser.add_mutually_exclusive_group(required=True)
        to.add_argument("--backup", metavar="ID", help="as `backup --list` names it")
        to.add_argument("--to-time", metavar="TIME", help="such as 2026-11-20T09:30:00Z (UTC)")
        to.add_argument(
            "--to-version",
            action="append",
            metavar="TABLE=VERSION",
            help="such as accounts=12; may be repeated, other tables stay as they are",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        wh = where.warehouse(options)
        try:
            plan = _plan(wh, options)
            self._say(wh, plan)
            if options["dry_run"]:
                return
            question = f"Put {len(plan.sources)} tables back to {plan.what}? [y/N] "
            if not options["yes"] and input(question).strip().lower() not in ("y", "yes"):
                raise CommandError("Nothing was changed.")
            self._restore(wh, plan)
        except WarehouseError as error:
            raise CommandError(str(error)) from error

    def _say(self, wh: Warehouse, plan: Plan) -> None:
        try:
            counts = restoring.preview(wh, plan.sources)
        except ObjectNotFound:
            self.stdout.write("The tables are not there; all of the backup would be brought back.")
            return
        for table in restoring.in_order(plan.sources):
            removed, back, changed = counts[table]
            self.stdout.write(
                f"{table.plural}: {removed} removed, {back} brought back, {changed} changed"
            )

    def _restore(self, wh: Warehouse, plan: Plan) -> None:
        try:
            before = restoring.latest(wh)
        except ObjectNotFound:
            before = {}
        for table in restoring.in_order(plan.sources):
            plan.put_back(table)
            self.stdout.write(self.style.SUCCESS(f"{table.name}: put back to {plan.what}"))
        if undo := " ".join(
            f"--to-version {t.name}={before[t]}" for t in before if t in plan.sources
        ):
            self.stdout.write(f"To take this back: manage.py restore {undo}")


def _plan(wh: Warehouse, options: dict[str, Any]) -> Plan:
    if options["backup"]:
        home = home_of.home(options)
        try:
            backup = backups.get(wh, home, options["backup"])
        except (Missing, ObjectNotFound) as error:
            raise CommandError(
                f"There is no backup {options['backup']}; `backup --list` tells which there are."
            ) from error
        clones = backups.clones(wh, home, backup)
        what = f"backup {backup.id}"
        return Plan(what, clones, lambda table: restoring.to_clone(wh, table, clones[table]))
    if options["to_time"]:
        moment = moments.parse(options["to_time"])
        if moment is None:
            raise CommandError("--to-time takes a time such as 2026-11-20T09:30:00Z.")
        found = timeline.versions(wh, moment)
        versions = {table: found[table.name] for table in TABLES}
        what = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    else:
        versions = dict(_version(entry) for entry in options["to_version"])
        _require(restoring.latest(wh), versions)
        what = "these versions"
    return Plan(
        what,
        restoring.versions_of(wh.namespace, versions),
        lambda table: restoring.to_version(wh, table, versions[table]),
    )


def _require(latest: Mapping[Table, int], versions: Mapping[Table, int]) -> None:
    for table, version in versions.items():
        if version > latest[table]:
            raise CommandError(
                f"{table.plural} are not at version {version} yet: the latest is {latest[table]}."
            )


def _version(entry: str) -> tuple[Table, int]:
    name, _, version = entry.partition("=")
    if name not in _BY_NAME or not version.isdecimal():
        names = ", ".join(_BY_NAME)
        raise CommandError(f"--to-version takes TABLE=VERSION, one of {names}: not {entry!r}")
    return _BY_NAME[name], int(version)
