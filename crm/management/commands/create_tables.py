from __future__ import annotations

import re
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import ACCOUNTS, TABLES
from crm.repository import ddl, properties
from crm.repository.tables import grants, set_up
from crm.warehouse import Warehouse
from crm.warehouse.errors import (
    ObjectNotFound,
    PermissionDenied,
    StatementFailed,
    WarehouseError,
)

from . import _namespace


class Command(BaseCommand):
    help = (
        "Create the catalog, the schema and the four tables if they do not exist. You need no "
        "right to create a catalog or schema that exists."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        parser.add_argument(
            "--history-days",
            type=int,
            help="days for which Delta keeps old versions and changes (default: "
            f"{settings.EDIP_HISTORY_DAYS}, or longer if a table already does)",
        )
        parser.add_argument(
            "--transactions",
            action="store_true",
            help="give the tables, also existing ones, the table feature catalogManaged, so that "
            "deletions of accounts, their undo, and repairs are transactions; other programs that "
            "do not know the feature cannot use the tables then",
        )
        parser.add_argument(
            "--sample-data",
            action="store_true",
            help="also load the sample data if the accounts table did not exist before",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options)
        try:
            existing = _existing(wh)
            days = options["history_days"] or settings.EDIP_HISTORY_DAYS
            self._create_all(wh, existing, days)
            self._keep_history(wh, days, may_shorten=options["history_days"] is not None)
            if options["transactions"]:
                self._allow_transactions(wh)
        except WarehouseError as error:
            raise CommandError(str(error)) from error
        is_new = ("table", f"{wh.namespace.prefix}{ACCOUNTS.name}".lower()) not in existing
        if options["sample_data"] and is_new:
            home = {name: options[name] for name in ("catalog", "schema", "prefix")}
            call_command("seed_data", **home, stdout=self.stdout)

    def _create_all(
        self, wh: Warehouse, existing: set[tuple[str, str]], history_days: int
    ) -> None:
        namespace = wh.namespace
        refused: list[str] = []
        for what, name, sql in (
            ("catalog", namespace.catalog, ddl.create_catalog(namespace)),
            ("schema", namespace.schema, ddl.create_schema(namespace)),
        ):
            if (what, name.lower()) in existing:
                self._report(what, name, existed=True)
                continue
            try:
                set_up.create(wh, sql)
            except (PermissionDenied, ObjectNotFound, StatementFailed) as error:
                # It may exist without being visible: without the right to create it, even IF NOT
                # EXISTS fails. Creating the tables shows whether it exists.
                refused.append(f"{what} {name}: {error}")
                self.stdout.write(f"{what} {name}: you may not create it; using it if it exists")
            else:
                self._report(what, name, existed=False)
        for table in ALL_TABLES:
            name = f"{namespace.prefix}{table.name}"
            try:
                set_up.create(wh, ddl.create_table(table, namespace, history_days))
            except (PermissionDenied, ObjectNotFound) as error:
                raise CommandError(_advice(namespace, name, error, refused)) from error
            self._report("table", name, ("table", name.lower()) in existing)

    def _keep_history(self, wh: Warehouse, days: int, *, may_shorten: bool) -> None:
        """Set for how long the tables keep their history.

        A shorter time deletes history, so it needs the option: a default never shortens it.
        """
        for table in TABLES:
            name = f"table {wh.namespace.prefix}{table.name}"
            try:
                current = {k: _days(v) for k, v in properties.read(wh, table).items()}
                wanted = {
                    key: value
                    for key, value in ddl.retention(days).items()
                    if (known := current.get(key)) != days
                    and (may_shorten or known is None or known < days)
                }
                if wanted:
                    wh.execute(ddl.set_properties(table, wanted, wh.namespace), repeatable=True)
                    self.stdout.write(f"{name}: keeps its history for {days} days from now on")
            except PermissionDenied:
                self.stdout.write(f"{name}: only its owner may change how long it keeps history")

    def _allow_transactions(self, wh: Warehouse) -> None:
        feature = dict([ddl.CATALOG_MANAGED])
        for table in TABLES:
            wh.execute(ddl.set_properties(table, feature, wh.namespace), repeatable=True)
            self.stdout.write(f"table {wh.namespace.prefix}{table.name}: allows transactions")

    def _report(self, what: str, name: str, existed: bool) -> None:
        result = "existed already" if existed else self.style.SUCCESS("created")
        self.stdout.write(f"{what} {name}: {result}")


def _existing(wh: Warehouse) -> set[tuple[str, str]]:
    """Return the existing, visible objects as (kind, name in lower case).

    Unity Catalog stores names in lower case.
    """
    sql, params = ddl.list_existing(wh.namespace)
    try:
        return {(row["what"], row["name"]) for row in wh.query(sql, params)}
    except (ObjectNotFound, PermissionDenied, StatementFailed):
        return set()


def _days(interval: str) -> int | None:
    """Return 30 for ``interval 30 days``; None for any other text."""
    match = re.fullmatch(r"(?:interval\s+)?(\d+)\s+days?", interval.strip(), re.IGNORECASE)
    return int(match[1]) if match else None


def _advice(namespace: Namespace, table: str, error: WarehouseError, refused: list[str]) -> str:
    reasons = "".join(f"\n  {reason}" for reason in [*refused, f"table {table}: {error}"])
    catalog, schema = f"CATALOG {namespace.quoted_catalog}", f"SCHEMA {namespace.quoted_schema}"
    use_catalog = grants.grant("USE CATALOG", catalog, "<you>")
    use_schema = grants.grant("USE SCHEMA, CREATE TABLE", schema, "<you>")
    return (
        f"Table {table} cannot be created in {namespace.catalog}.{namespace.schema}:{reasons}\n"
        "Either choose a catalog and schema where you may create tables (--catalog, --schema), "
        f"or ask their owner for\n  {use_catalog};\n  {use_schema};"
    )
