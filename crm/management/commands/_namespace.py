"""The place of the tables, the acting person and shared texts, for commands with tables."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from crm.identity.warehouses import for_person
from crm.model.namespace import Namespace
from crm.warehouse import Warehouse

# Of commands that find nothing to change.
UP_TO_DATE = "The tables are up to date."


def add_arguments(parser: ArgumentParser) -> None:
    default = settings.NAMESPACE
    parser.add_argument("--catalog", default=default.catalog, help="default: %(default)s")
    parser.add_argument("--schema", default=default.schema, help="default: %(default)s")
    parser.add_argument(
        "--prefix",
        default=default.prefix,
        help="put before each table's name, for schemas shared with others (default: none)",
    )


def namespace(options: dict[str, Any]) -> Namespace:
    """Return the namespace that the options name. Raises CommandError for a bad name."""
    try:
        return Namespace(options["catalog"], options["schema"], options["prefix"])
    except ValueError as error:
        raise CommandError(str(error)) from error


def warehouse(options: dict[str, Any]) -> Warehouse:
    """Return the warehouse for EDIP_USER, with the tables that the options name."""
    return replace(for_person(settings.EDIP_USER), namespace=namespace(options))


def arguments(namespace: Namespace) -> str:
    """Return the arguments that make a command use these tables; empty for the default ones."""
    default = settings.NAMESPACE
    return "".join(
        f" --{name} {getattr(namespace, name)}"
        for name in ("catalog", "schema", "prefix")
        if getattr(namespace, name) != getattr(default, name)
    )
