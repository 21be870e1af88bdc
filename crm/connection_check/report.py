"""The findings of a connection check: one for each step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

PASS, WARN, FAIL, SKIP = "pass", "warn", "fail", "skip"
_SIGNS = {PASS: "ok  ", WARN: "warn", FAIL: "FAIL", SKIP: "  - "}


@dataclass(frozen=True)
class Finding:
    """The outcome of one step.

    :param status: ``pass``, ``warn``, ``fail`` or ``skip``.
    :param message: what works, or what is wrong.
    :param advice: what to do about it; empty if all is well.
    :param code: identifies the message for scripts: ``warehouse-stopped``, …
    :param ms: milliseconds that the step took.
    """

    step: str
    status: str
    message: str
    advice: str = ""
    code: str = ""
    ms: int = 0


class Problem(Exception):
    """Raised by a step: what is wrong and what to do about it."""

    def __init__(self, code: str, message: str, advice: str, status: str = FAIL) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice
        self.status = status


@dataclass(frozen=True)
class Report:
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        return all(finding.status != FAIL for finding in self.findings)

    @property
    def failed(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.status == FAIL]

    def as_json(self) -> str:
        findings = [asdict(finding) for finding in self.findings]
        return json.dumps({"ok": self.ok, "steps": findings}, indent=2, ensure_ascii=False)


def as_text(finding: Finding) -> str:
    time = f" ({finding.ms} ms)" if finding.ms else ""
    lines = [f"{_SIGNS[finding.status]}  {finding.step:<18} {finding.message}{time}"]
    if finding.advice:
        lines += [f"{'':26}{line}" for line in finding.advice.splitlines()]
    return "\n".join(lines)


def misconfigured(error: Exception, arguments: Sequence[str]) -> str:
    """Return the text that manage.py prints if the settings cannot be read."""
    advice = "Set it in the environment or in .env; .env.example lists every variable."
    finding = Finding("configuration", FAIL, str(error), advice, "misconfigured")
    if "check_connection" not in arguments:
        return f"EDIP CRM is not configured: {error}"
    return Report([finding]).as_json() if "--json" in arguments else as_text(finding)
