"""Texts and links that programs wrap into objects, lists and markup."""

from __future__ import annotations

import json
import re
from typing import Any

# The only key of an object that tells a value's type: Avro, DynamoDB, Firestore, MongoDB.
_TYPES = {"string", "S", "N", "stringValue", "integerValue", "$oid", "$numberInt", "$numberLong"}
# The only key of an object that stands for a missing value: DynamoDB, Firestore, MongoDB.
_MISSING = ({"NULL": True}, {"nullValue": None}, {"$undefined": True})
# The keys under which programs keep what they show of a person or another record, and a link.
_NAMES = ("name", "displayname", "title", "lookupvalue", "label", "value")
_LINKS = ("url", "href", "link", "uri")
_WRAPPED = re.compile(
    r"\[[^\]]*\]\((https?://[^\s()]+)\)"  # Markdown
    r"""|<a\s[^<>]*?href=["'](https?://[^"'\s]+)["'][^<>]*>[^<>]*</a>|<(https?://[^\s<>]+)>"""
    r"""|=HYPERLINK\(\s*"(https?://[^"]+)"\s*(?:[,;]\s*"[^"]*"\s*)?\)""",
    re.IGNORECASE,
)


def value_of(raw: Any) -> Any:
    """Return the value of an object that only tells its type; any other value as it is."""
    if isinstance(raw, dict) and len(raw) == 1:
        ((key, value),) = raw.items()
        if raw in _MISSING:
            return None
        return value if key in _TYPES and isinstance(value, str | int | None) else raw
    return raw


def date_of(raw: Any) -> Any:
    """Return the date of MongoDB's extended JSON; any other value as it is."""
    if isinstance(raw, dict) and len(raw) == 1 and "$date" in raw:
        return value_of(raw["$date"])
    return raw


def shown(raw: Any, *, is_whole: bool) -> str:
    """Return the text that an object or a list of texts shows; empty if it shows none, or not all
    of it where it ``is_whole``."""
    if isinstance(raw, dict) and not is_whole:
        return _first_text(raw, _NAMES)
    if isinstance(raw, list):
        texts = [e if isinstance(e, str) else shown(e, is_whole=is_whole) for e in raw]
        return ", ".join(texts) if all(texts) else ""
    return ""


def link_in(raw: Any) -> str:
    """Return the link of an object, or of a text that has it as Markdown, HTML or a formula do;
    any other value as a text."""
    if isinstance(raw, dict):
        return _first_text(raw, _LINKS) or json.dumps(raw, ensure_ascii=False, default=str)
    found = _WRAPPED.fullmatch(str(raw).strip())
    return next(filter(None, found.groups())) if found else str(raw)


def _first_text(raw: dict[str, Any], names: tuple[str, ...]) -> str:
    texts = {key.lower(): value for key, value in raw.items() if isinstance(value, str)}
    return next((texts[name].strip() for name in names if texts.get(name, "").strip()), "")
