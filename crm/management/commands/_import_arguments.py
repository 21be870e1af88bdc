"""The arguments of import_legacy that say how to read files, and what happens to stored values."""

from __future__ import annotations

from argparse import ArgumentParser

from crm.importing import dates
from crm.importing.importer import EMPTY, ON_CONFLICT


def add_conflict_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that say what happens to stored values."""
    parser.add_argument(
        "--on-conflict",
        choices=ON_CONFLICT,
        default="skip",
        help="what to do with rows that already exist with different values: leave them, "
        "update them, or import nothing at all (default: %(default)s)",
    )
    parser.add_argument(
        "--empty",
        choices=EMPTY,
        default="",
        help="whether an empty cell keeps or clears what is stored (default: it clears in "
        "files that EDIP CRM exported, and keeps in all others)",
    )
    parser.add_argument(
        "--take",
        action="append",
        default=[],
        metavar="TABLE.COLUMN",
        help="with --on-conflict update: store the file's value of this column where a row of "
        "the file is older than the stored one and both changed the column; may be repeated",
    )


def add_reading_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that say how to read a file, for facts that the file does not show."""
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="'Old Column=column'",
        help="which column a heading means, if it is not recognized, or - to leave it out; "
        "may be repeated",
    )
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="FILE=TABLE",
        help="which table a file or a sheet holds, such as 'Book1.xlsx/Sheet2=accounts', or - to "
        "leave it out; may be repeated",
    )
    parser.add_argument(
        "--dates",
        choices=dates.ORDERS,
        default="",
        help="the order of day, month and year in dates like 7/8/2026 or 26/7/8, where no "
        "other date in their column tells",
    )
    parser.add_argument(
        "--zone",
        default="UTC",
        help="the time zone of times that name none, such as Europe/Berlin (default: %(default)s)",
    )
    parser.add_argument(
        "--encoding",
        default="",
        help="the encoding of text files, such as windows-1252 (default: read from the file)",
    )
