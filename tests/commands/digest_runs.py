"""Runs the command ``digest``."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command

HOME = "https://crm.example.com"


def run(*arguments: str) -> tuple[str, int]:
    """Run the command; return what it printed, and its exit code."""
    out = StringIO()
    try:
        call_command("digest", *arguments, stdout=out, no_color=True)
    except SystemExit as ended:
        return out.getvalue(), int(str(ended.code))
    return out.getvalue(), 0
