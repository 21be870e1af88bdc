"""What the commands that touch tables share: where the tables are, and as whom to act."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from crm.identity.warehouses import for_person
from crm.model.namespace import Namespace
from crm.warehouse import Warehouse


def add_arguments(parser: ArgumentParser) -> None:
    default = settings.NAMESPACE
    parser.add_argument("--catalog", default=default.catalog, help="default: %(default)s")
    parser.add_argument("--schema", default=default.schema, help="default: %(default)s")
    parser.add_argument(
        "--prefix",
        default=default.prefix,
        help="put before each table's name, for schemas shared with others (default: none)",
    )


def warehouse(options: dict[str, Any]) -> Warehouse:
    try:
        namespace = Namespace(options["catalog"], options["schema"], options["prefix"])
    except ValueError as error:
        raise CommandError(str(error)) from error
    return replace(for_person(settings.EDIP_USER), namespace=namespace)


def arguments(namespace: Namespace) -> str:
    """What has to stand behind a command so that it means these tables; nothing where the
    settings mean them anyway."""
    default = settings.NAMESPACE
    return "".join(
        f" --{name} {getattr(namespace, name)}"
        for name in ("catalog", "schema", "prefix")
        if getattr(namespace, name) != getattr(default, name)
    )
