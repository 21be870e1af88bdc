from __future__ import annotations

import logging
from argparse import ArgumentParser
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.importing import copy_tables, importer
from crm.importing.doubts import Doubts
from crm.importing.errors import ImportingError
from crm.importing.findings import CHANGED, NOTED, REFUSED, SKIPPED, Findings
from crm.importing.importer import Options
from crm.importing.mapping.entries import fields, mapping
from crm.importing.refused import files as refused
from crm.importing.results import TableResult
from crm.model.namespace import Namespace
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED
from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError

from . import _import_arguments, _import_words, _namespace
from ._import_look import Look, Writing, brings_rows
from ._import_progress import Progress, say

log = logging.getLogger(__name__)

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Import the legacy app's data: its JSON state, or CSV files (one, a folder, a zip), or "
        "a workbook with a sheet per table, or tables elsewhere in the warehouse. Safe to run "
        "again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", type=Path, nargs="?", help="JSON, CSV, XLSX, a folder or a zip of these"
        )
        parser.add_argument(
            "--from-tables",
            metavar="CATALOG.SCHEMA",
            help="instead of a file: tables of the earlier version, whose names begin with "
            "--prefix; the warehouse itself copies them to where the settings say",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")
        _import_arguments.add_conflict_arguments(parser)
        parser.add_argument(
            "--strict", action="store_true", help="import nothing if any row is refused"
        )
        parser.add_argument(
            "--accept-doubts",
            action="store_true",
            help="import also what looks like a mistake, such as repeated headings or totals, and "
            "do not look for it first, which saves a pass over the file",
        )
        _import_arguments.add_reading_arguments(parser)
        parser.add_argument("--report", type=Path, help="write every finding to this CSV file")
        parser.add_argument(
            "--refused",
            type=Path,
            metavar="FILE",
            help="write the refused rows to this file, of the same kind as the source, with a "
            "column of reasons, to be corrected and imported (a zip for a folder)",
        )
        _namespace.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["path"]) == bool(options["from_tables"]):
            raise CommandError("Give either a file or, with --from-tables, a catalog.schema.")
        _require_name_for_refused(options)
        self._unwritten: list[str] = []
        findings = Findings(options["report"])
        try:
            chosen = _chosen(options)
            with findings:
                results = self._run(options, chosen, findings)
        except (ImportingError, WarehouseError) as error:
            if findings.counts:
                self._name_report(findings)
            self._give_back_refused(options, findings)
            raise CommandError(str(error)) from error
        self._print(results, findings, chosen)
        self._name_report(findings)
        self._give_back_refused(options, findings)
        self._require_rows(results, chosen)
        if not all(result.verified for result in results):
            raise CommandError("The stored rows differ from the rows of the source; see above.")
        if self._unwritten:
            raise CommandError(f"The import ended, but {' and '.join(self._unwritten)}.")

    def _give_back_refused(self, options: dict[str, Any], findings: Findings) -> None:
        to = options["refused"]
        if to is None or not findings.refusals:
            return
        try:
            is_any = refused.write(options["path"], _chosen(options).mapping, findings, to)
        except Exception as error:
            # The import has ended or failed, and its own outcome matters more.
            log.exception("the refused rows of %s were not written", options["path"])
            self._say_unwritten(f"the refused rows cannot be written to {to}: {error}")
            return
        if is_any:
            self.stdout.write(f"The refused rows, with the reasons, are in {to}.")

    def _name_report(self, findings: Findings) -> None:
        if findings.report_error:
            reason = findings.report_error
            self._say_unwritten(f"the report cannot be written to {findings.report}: {reason}")
        elif findings.report:
            self.stdout.write(f"Every finding is in {findings.report}.")

    def _say_unwritten(self, what: str) -> None:
        self._unwritten.append(what)
        self.stderr.write(self.style.WARNING(what[0].upper() + what[1:]))

    def _run(
        self, options: dict[str, Any], chosen: Options, findings: Findings
    ) -> list[TableResult]:
        if not options["from_tables"]:
            wh = _namespace.warehouse(options).for_bulk()
            return self._import_file(wh, options, chosen, findings)
        try:
            catalog, schema = options["from_tables"].split(".")
            source = Namespace(catalog, schema, options["prefix"])
        except ValueError as error:
            raise CommandError(f"--from-tables takes CATALOG.SCHEMA: {error}") from error
        target = {**options, "prefix": settings.NAMESPACE.prefix}
        wh = _namespace.warehouse(target).for_bulk()
        return copy_tables.run(
            wh,
            source,
            chosen,
            findings,
            partial(say, self.stderr),
            accepts_doubts=options["accept_doubts"],
        )

    def _import_file(
        self, wh: Warehouse, options: dict[str, Any], chosen: Options, findings: Findings
    ) -> list[TableResult]:
        path, reading = options["path"], Progress(self.stderr, "Reading", 0)
        writing: Writing | None = None
        look = Look(Doubts(wh), reading, chosen, self._say_doubtful)
        try:
            if chosen.dry_run:
                results = importer.run(wh, path, chosen, findings, look.watch)
                look.say(results, findings)
                return results
            writing = Writing(self.stderr, reading)
            asked = None if options["accept_doubts"] else look
            return importer.run(wh, path, chosen, findings, writing.watch, look=asked)
        finally:
            reading.done()
            if writing:
                writing.done()

    def _say_doubtful(self, doubt: str) -> None:
        self.stdout.write(self.style.WARNING(f"Doubtful: {doubt}"))

    def _print(self, results: list[TableResult], findings: Findings, chosen: Options) -> None:
        new = "would be added" if chosen.dry_run else "added"
        for result in results:
            states, table = result.states, result.table
            refused = findings.count(REFUSED, table.name)
            self.stdout.write(
                f"{table.plural}: {states[NEW]} {new}, {states[DIFFERENT]} differ "
                f"({chosen.on_conflict}), {states[UNCHANGED]} unchanged, {refused} refused"
            )
            self._write_lines(_import_words.stale(result))
            if not chosen.dry_run and result.checked:
                self._print_verified(result)
        self._write_lines(_import_words.lost(findings))
        for outcome in (REFUSED, SKIPPED, CHANGED, NOTED):
            self._list(findings, outcome)

    def _require_rows(self, results: list[TableResult], chosen: Options) -> None:
        """Raise CommandError if no row of the source is in the tables."""
        if brings_rows(results, chosen):
            return
        why = "the source has no row that can be imported; see above"
        if any(result.stale for result in results):
            why = "the rows are older than what is stored; see above"
        if any(result.states[DIFFERENT] for result in results):
            why = "the rows exist with other values; --on-conflict update changes them"
        raise CommandError(f"Nothing was imported: {why}.")

    def _write_lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)

    def _print_verified(self, result: TableResult) -> None:
        style = self.style.SUCCESS if result.verified else self.style.ERROR
        word = "verified" if result.verified else "NOT verified"
        self.stdout.write(style(f"  {word}: {result.verdict}"))

    def _list(self, findings: Findings, outcome: str) -> None:
        kinds = [kind for kind in findings.kinds_by_weight() if kind.first.outcome == outcome]
        for kind in kinds[:SHOWN]:
            self.stdout.write(f"  {kind}")
        if left := findings.count(outcome) - sum(kind.count for kind in kinds[:SHOWN]):
            self.stdout.write(f"  … and {left:,} more {outcome}")


def _chosen(options: dict[str, Any]) -> Options:
    """Return the options that the arguments choose.

    Raises ImportingError for an unknown column, table, zone or encoding.
    """
    return Options(
        on_conflict=options["on_conflict"],
        dry_run=options["dry_run"],
        strict=options["strict"],
        empty=options["empty"],
        taken=fields(options["take"]),
        mapping=mapping(
            options["map"],
            options["table"],
            options["dates"],
            options["zone"],
            options["encoding"],
        ),
    )


def _require_name_for_refused(options: dict[str, Any]) -> None:
    """Raise CommandError if refused rows could not be written to that file, or read from it."""
    path, to = options["path"], options["refused"]
    if to is None:
        return
    if path is None:
        raise CommandError("--refused needs a file: the warehouse copies tables itself.")
    if to.resolve() == path.resolve():
        raise CommandError("--refused needs another file than the source.")
    ending = refused.name_for(path).rpartition(".")[2] if path.exists() else ""
    if ending and to.suffix.lower() != f".{ending}":
        raise CommandError(f"--refused needs a name that ends in .{ending} for this source.")
    if not to.resolve().parent.is_dir():
        raise CommandError(f"The refused rows cannot be written to {to}: there is no such folder.")
