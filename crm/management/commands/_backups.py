"""The place of the backups, for the commands ``backup`` and ``restore``."""

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
        help="schema, or catalog.schema, of the backups (default: the tables' schema followed "
        "by _backups)",
    )


def home(options: dict[str, Any]) -> Namespace:
    """Return the namespace of the backups. Raises CommandError for a bad name."""
    of = source(options)
    return _namespace(options["backup_schema"] or f"{of.catalog}.{of.schema}_backups", options)


def source(options: dict[str, Any]) -> Namespace:
    """Return the namespace of the backed-up tables. Raises CommandError for a bad name."""
    return _namespace(options.get("of_schema") or options["schema"], options)


def _namespace(name: str, options: dict[str, Any]) -> Namespace:
    catalog, _, schema = name.rpartition(".")
    try:
        return Namespace(catalog or options["catalog"], schema, options["prefix"])
    except ValueError as error:
        raise CommandError(str(error)) from error
