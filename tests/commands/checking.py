"""Helpers that read the reports of check_connection."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from django.core.management import call_command

from crm.model.schema import TABLES

STEPS = [
    "configuration",
    "network",
    "TLS",
    "sign-in",
    "warehouse",
    "answer",
    "Unity Catalog",
    "catalog",
    "schema",
    *(
        step
        for t in TABLES
        for step in (f"table {t.name}", f"SELECT {t.name}", f"MODIFY {t.name}")
    ),
    "transactions",
]


def check(*arguments: str) -> dict[str, Any]:
    """Run the command; return its report by step, with ``ok`` and ``exit``."""
    out, code = StringIO(), 0
    try:
        call_command("check_connection", "--json", *arguments, stdout=out)
    except SystemExit as error:
        code = error.code
    report = json.loads(out.getvalue())
    steps = {step["step"]: step for step in report["steps"]}
    assert code == (0 if report["ok"] else 1)
    return steps | {"ok": report["ok"]}


def only_problem(report: dict[str, Any]) -> dict[str, Any]:
    """Return the only step that failed; its text names the fault and the remedy."""
    (problem,) = (s for name, s in report.items() if name != "ok" and s["status"] == "fail")
    assert problem["message"]
    assert problem["advice"]
    return problem
