from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.connection_check import SLOW, Check
from crm.connection_check.report import FAIL, PASS, WARN, Finding, Report, as_text
from crm.model.namespace import Namespace

from . import _namespace as where


class Command(BaseCommand):
    help = (
        "Walk the way to the data, from the configuration to each right on each table, and say "
        "of each step that it works, or what is wrong and what to do. Exit code 1 if anything is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        where.add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="for scripts")
        parser.add_argument(
            "--write", action="store_true", help="create, fill and drop a table of its own, too"
        )
        parser.add_argument(
            "--create", action="store_true", help="create catalog and schema where missing"
        )
        parser.add_argument(
            "--slow",
            type=float,
            default=SLOW,
            metavar="SECONDS",
            help="from which on the smallest statement counts as slow (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            names = Namespace(options["catalog"], options["schema"], options["prefix"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        check = Check(
            settings.WAREHOUSE,
            names,
            lambda: where.warehouse(options),
            write=options["write"],
            create=options["create"],
            slow=options["slow"],
        )
        report = self._as_json(check) if options["json"] else self._as_text(check)
        if not report.ok:
            sys.exit(1)

    def _as_json(self, check: Check) -> Report:
        report = check.report()
        self.stdout.write(report.as_json())
        return report

    def _as_text(self, check: Check) -> Report:
        """Line by line as they come about: a step may take a while."""
        findings = []
        for finding in check.findings():
            findings.append(finding)
            self.stdout.write(self._dressed(finding))
            self.stdout.flush()
        report = Report(findings)
        if report.ok:
            self.stdout.write(self.style.SUCCESS("Everything works."))
        return report

    def _dressed(self, finding: Finding) -> str:
        style = {PASS: self.style.SUCCESS, WARN: self.style.WARNING, FAIL: self.style.ERROR}
        return style.get(finding.status, str)(as_text(finding))
