from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.model.namespace import Namespace
from crm.repository.tables import grants

from . import _namespace as where


class Command(BaseCommand):
    help = (
        "Print the GRANT statements that somebody needs, for the owner of the data to run in "
        "the SQL editor. Asks no warehouse."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
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
            names = Namespace(options["catalog"], options["schema"], options["prefix"])
            statements = grants.statements(role, names, principal)
            create_catalog = grants.create_catalog(principal)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"-- {role}: {grants.ROLES[role]}")
        if role == grants.CREATOR:
            self.stdout.write("-- Only where the catalog is to be created, too:")
            self.stdout.write(f"-- {create_catalog};")
        for statement in statements:
            self.stdout.write(f"{statement};")
