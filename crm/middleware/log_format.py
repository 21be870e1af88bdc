"""The formats of log lines: JSON for programs, and text for a terminal.

They contain no values, query strings or tokens. Django's lines have the path, which may contain a
record's key or a signed link; these lines have only the route.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import Any


def _message(record: logging.LogRecord) -> str:
    """Return the text of a line; for Django's lines without the path."""
    is_djangos = record.name == "django.request" and len(record.args or ()) == 2
    if is_djangos and isinstance(record.args, tuple):
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        return f"{record.args[0]}: {match.url_name if match else 'no page'}"
    return record.getMessage()


class JsonLines(logging.Formatter):
    """One JSON object per line; ``extra={"fields": {…}}`` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Readable(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _message(record)
        return super().formatMessage(record)
