"""What the commands that deal with backups share: where the backups are."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from crm.model.namespace import Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--backup-schema",
        default=settings.EDIP_BACKUP_SCHEMA,
        help="schema, or catalog.schema, of the backups (default: the tables' schema with "
        "_backups behind it)",
    )


def home(options: dict[str, Any]) -> Namespace:
    """Where the backups are; raises CommandError for what cannot be a schema."""
    named = options["backup_schema"] or f"{options['schema']}_backups"
    catalog, _, schema = named.rpartition(".")
    try:
        return Namespace(catalog or options["catalog"], schema, options["prefix"])
    except ValueError as error:
        raise CommandError(str(error)) from error
