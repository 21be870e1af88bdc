"""Check the links that people type, and find links and mentions in their texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

# Characters without a width that are not of Unicode's category "format" (Cf).
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0" + "".join(
    map(chr, range(0xFE00, 0xFE10))
)
TEXT, LINK, MENTION = "text", "link", "mention"
# A mention does not follow a letter or digit: that would be an e-mail address.
_FOUND = re.compile(
    r"(?P<link>https?://[^\s<>\"\\^`{|}]+)|(?P<mention>(?<![\w.@/+-])@\w+(?:[.-]\w+)*)",
    re.IGNORECASE,
)
# Characters that end a sentence rather than a link.
_AFTER_LINK = ".,;:!?'’”»*_"


def parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a text in order, each with its kind: TEXT, LINK or MENTION."""
    end = 0
    for match in _FOUND.finditer(text):
        found = match.group()
        if match["link"]:
            found = _without_end(found)
            if link_problem(found):
                continue
        if match.start() > end:
            yield TEXT, text[end : match.start()]
        yield LINK if match["link"] else MENTION, found
        end = match.start() + len(found)
    if end < len(text):
        yield TEXT, text[end:]


def _without_end(link: str) -> str:
    """Return the link without the punctuation or the closing bracket after it."""
    while True:
        shorter = link.rstrip(_AFTER_LINK)
        for opening, closing in ("()", "[]"):
            if shorter.endswith(closing) and shorter.count(closing) > shorter.count(opening):
                shorter = shorter[:-1]
        if shorter == link:
            return link
        link = shorter


def fits_in_path(key: str | None) -> bool:
    """Return whether the key can be a segment of a URL's path.

    It cannot if it is empty or has a slash, and not if it is ``.`` or ``..``, which browsers
    resolve to another page, even quoted.
    """
    return bool(key) and key not in (".", "..") and "/" not in str(key)


def has_invisible(text: str) -> bool:
    """Return whether the text has a character that is invisible or reverses the order of others.

    With these characters an address can look like another one.
    """
    return any(unicodedata.category(each) == "Cf" or each in INVISIBLE for each in text)


def link_problem(link: str) -> str:
    """Return an error text for an unsafe link; an empty text if a browser may follow it."""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return "this is not a web address."
    if parts.scheme.lower() not in {"http", "https"}:
        return "a link starts with https:// or http://."
    if not host:
        return "the address has no host, such as dev.azure.com."
    if "@" in parts.netloc:
        return "leave out what stands before the @: a user name or a password."
    if has_invisible(link):
        return "the address has an invisible character."
    if re.search(r"[\s<>\"\\^`{|}\x00-\x20\x7f]", link):
        return "the address has a blank or a character that links cannot have."
    return ""


@dataclass(frozen=True)
class Link:
    """A link's text and address; ``url`` is empty if the text is not a valid link."""

    text: str
    url: str


def lines(value: str | None) -> list[Link]:
    """Return the links of a text with one per line, each with a short text."""
    found = (line.strip() for line in (value or "").splitlines())
    return [_link(line) for line in found if line]


def _link(line: str) -> Link:
    if link_problem(line):
        return Link(line, "")
    parts = urlsplit(line)
    quoted = parts.path.rstrip("/").rpartition("/")[2]
    last = quoted if has_invisible(unquote(quoted)) else unquote(quoted)
    return Link(f"{parts.hostname} › {last}" if last else str(parts.hostname), line)
