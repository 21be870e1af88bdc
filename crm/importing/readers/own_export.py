"""Recognises our own JSON exports. Their import keeps every null, also in audit columns."""

from __future__ import annotations

from pathlib import Path

import ijson

_START = ("start_map", "start_array")


def is_own_export(path: Path) -> bool:
    """Return whether ``"format": "edip-crm"`` comes before all data; False for what is no JSON."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            events = ijson.basic_parse(file)
            if next(events, None) != ("start_map", None):
                return False
            key = ""
            for event, value in events:
                if event in _START:
                    return False
                if (key, event, value) == ("format", "string", "edip-crm"):
                    return True
                key = value if event == "map_key" else ""
    except (ijson.JSONError, UnicodeDecodeError):
        pass
    return False
