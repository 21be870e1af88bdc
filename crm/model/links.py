"""Check the links that people type: a browser should be able to follow them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def link_problem(link: str) -> str:
    """Return what is wrong with a link, in words; an empty text if a browser may follow it."""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return "this is not a web address."
    if parts.scheme.lower() not in {"http", "https"}:
        return "a link starts with https:// or http://."
    if not host:
        return "the address has no host, such as dev.azure.com."
    if re.search(r"[\s<>\"\\^`{|}\x00-\x20\x7f]", link):
        return "the address has a blank or a character that links cannot have."
    return ""
