"""A text with the address that it leads to, as in workbooks; and texts of several links."""

from __future__ import annotations

import re

from crm.model.characters import LINE_END

# Blanks are matched from the first one, as in LINE_END.
_BETWEEN_LINKS = re.compile(
    rf"{LINE_END}|(?:(?<!\s)\s+)?[,;]\s*(?=https?://)|(?<!\s)\s+(?=https?://)", re.IGNORECASE
)


class Linked(str):
    """A text with a hyperlink. ``target``: its address."""

    target: str

    def __new__(cls, text: str, target: str) -> Linked:
        linked = super().__new__(cls, text)
        linked.target = target
        return linked

    @property
    def link(self) -> str:
        """Return what a column of links gets: the text, if it is an address itself."""
        return str(self) if "://" in self else self.target


def split_links(text: str) -> list[str]:
    return _BETWEEN_LINKS.split(text)
