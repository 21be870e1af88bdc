from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.model.own_tables import ALL_TABLES
from crm.repository.tables import grants

from . import _namespace

# The bundle's variables name the place of the tables. In a bundle MODIFY includes SELECT:
# https://docs.databricks.com/dev-tools/databricks-apps/tables
_BUNDLE = """\
# Made by `manage.py print_grants --bundle {target}`; again when an upgrade adds a table.
targets:
  {target}:
    resources:
      apps:
        edip_crm:
          name: ${{var.app_name}}
          resources:"""
_BUNDLE_TABLE = """\
            - name: {key}
              uc_securable:
                securable_type: TABLE
                securable_full_name: ${{var.catalog}}.${{var.schema}}.${{var.table_prefix}}{table}
                permission: {right}"""


class Command(BaseCommand):
    help = (
        "Print the GRANT statements for a person, group or app. The owner of the data runs them "
        "in the SQL editor. With --bundle it prints what lets the bundle give the app its rights. "
        "This command connects to nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        parser.add_argument(
            "--principal",
            help="a group, a user's e-mail, or a service principal's application id",
        )
        parser.add_argument(
            "--role",
            choices=list(grants.ROLES),
            default=grants.EDITOR,
            help="; ".join(f"{role}: {what}" for role, what in grants.ROLES.items())
            + " (default: %(default)s)",
        )

        parser.add_argument(
            "--bundle",
            metavar="TARGET",
            help="print what gives the app the role in this target, for a file in resources/",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        role, principal = options["role"], options["principal"]
        if (principal is None) == (options["bundle"] is None):
            raise CommandError("Give either --principal or --bundle")
        if options["bundle"] is not None:
            self._print_for_bundle(role, options["bundle"])
            return
        try:
            names = _namespace.namespace(options)
            statements = grants.statements(role, names, principal)
            create_catalog = grants.create_catalog(principal)
            own_settings = grants.of_own_settings(names, principal)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"-- {role}: {grants.ROLES[role]}")
        if role == grants.CREATOR:
            self.stdout.write("-- Only if the catalog has to be created, too:")
            self.stdout.write(f"-- {create_catalog};")
        for statement in statements:
            self.stdout.write(f"{statement};")
        if role == grants.READER:
            self.stdout.write(
                "-- Only if readers are to follow accounts, save views and choose digests, with "
                "EDIP_AUTH=user."
            )
            self.stdout.write("-- They can then change by SQL what others follow and save, too:")
            for statement in own_settings:
                self.stdout.write(f"-- {statement};")

    def _print_for_bundle(self, role: str, target: str) -> None:
        if role == grants.CREATOR:
            raise CommandError("The app needs the role editor or reader")
        self.stdout.write(_BUNDLE.format(target=target))
        for table in ALL_TABLES:
            right = {grants.READER: "SELECT", grants.EDITOR: "MODIFY"}[role]
            key = table.name.replace("_", "-")
            self.stdout.write(_BUNDLE_TABLE.format(key=key, table=table.name, right=right))
