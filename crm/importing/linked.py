"""A text with the address that it leads to, as in workbooks."""

from __future__ import annotations


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
