"""The URLs of records' pages: a list has dozens."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from django.urls import get_script_prefix, reverse
from django.utils.http import RFC3986_SUBDELIMS

_KEY = "the-key-of-a-record"
# What Django's reverse() leaves as it is.
_SAFE = RFC3986_SUBDELIMS + "/~:@"


def record_url(name: str, key: str | None) -> str:
    """Return what ``reverse(name, args=[key])`` does, in a fifth of its time.

    It is empty for a key that no URL can hold: one that is missing, or has a slash.
    """
    if not key or "/" in key:
        return ""
    before, after = _around_key(get_script_prefix(), name)
    return f"{before}{quote(key, safe=_SAFE)}{after}"


@lru_cache(maxsize=256)
def _around_key(prefix: str, name: str) -> tuple[str, str]:
    """Return the parts of the URL; the prefix, from which reverse() begins, has any moment."""
    before, _, after = reverse(name, args=[_KEY]).rpartition(_KEY)
    return before, after
