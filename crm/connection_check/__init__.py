"""Check the connection step by step, from the configuration to a written row.

``manage.py check_connection`` and the System status page use it. Each step reports that it works,
or what is wrong and what to do. If a step fails, the steps that depend on it are reported as
skipped. ``check`` runs the steps, ``network`` checks the way to the workspace, ``catalog`` the
tables and privileges, ``errors`` turns errors into problems, ``report`` has the findings.
"""

from __future__ import annotations

from .check import SLOW, Check
from .report import Finding, Report

__all__ = ["SLOW", "Check", "Finding", "Report"]
