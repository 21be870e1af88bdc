"""Check the connection step by step, from the configuration to a written row.

``manage.py check_connection`` and the System status page use it. Each step says that it works,
or what is wrong and what to do. A step that fails ends the check of all that depends on it: those
steps are reported as skipped. ``check`` runs the steps, ``network`` reaches the workspace,
``catalog`` looks into the warehouse, ``errors`` words its errors, ``report`` holds the findings.
"""

from __future__ import annotations

from .check import SLOW, Check
from .report import Finding, Report

__all__ = ["SLOW", "Check", "Finding", "Report"]
