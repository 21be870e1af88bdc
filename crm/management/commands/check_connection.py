from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from crm.connection_check import SLOW, Check
from crm.connection_check.report import FAIL, PASS, WARN, Finding, Report, as_text

from . import _namespace


class Command(BaseCommand):
    help = (
        "Check the connection step by step, from the configuration to each right on each table. "
        "Each step says that it works, or what is wrong and what to do. Exit code 1 if one fails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
        parser.add_argument(
            "--write", action="store_true", help="also create, fill and drop a table of its own"
        )
        parser.add_argument(
            "--create",
            action="store_true",
            help="create the catalog and the schema if they are missing",
        )
        parser.add_argument(
            "--slow",
            type=float,
            default=SLOW,
            metavar="SECONDS",
            help="the smallest statement counts as slow from this time on (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        check = Check(
            settings.WAREHOUSE,
            _namespace.namespace(options),
            lambda: _namespace.warehouse(options),
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
        """Print each finding at once, because a step may take some time."""
        findings = []
        for finding in check.findings():
            findings.append(finding)
            self.stdout.write(self._styled(finding))
            self.stdout.flush()
        report = Report(findings)
        if report.ok:
            self.stdout.write(self.style.SUCCESS("Everything works."))
        return report

    def _styled(self, finding: Finding) -> str:
        style = {PASS: self.style.SUCCESS, WARN: self.style.WARNING, FAIL: self.style.ERROR}
        return style.get(finding.status, str)(as_text(finding))
