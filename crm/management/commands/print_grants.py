from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.repository.tables import grants

from . import _namespace


class Command(BaseCommand):
    help = (
        "Print the GRANT statements for a person, group or app. The owner of the data runs them "
        "in the SQL editor; this command connects to nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        parser.add_argument(
            "--principal",
            required=True,
            help="a group, a user's e-mail, or a service principal's application id",
        )
        parser.add_argument(
            "--role",
            choices=list(grants.ROLES),
            default=grants.EDITOR,
            help="; ".join(f"{role}: {what}" for role, what in grants.ROLES.items())
            + " (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        role, principal = options["role"], options["principal"]
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
                "-- Only if readers are to follow accounts and save views, with EDIP_AUTH=user."
            )
            self.stdout.write("-- They can then change by SQL what others follow and save, too:")
            for statement in own_settings:
                self.stdout.write(f"-- {statement};")
