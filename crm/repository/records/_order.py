"""The order of a list's rows, by one or more sort keys with their directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crm.model.namespace import quoted
from crm.model.records import Listing


@dataclass(frozen=True)
class Order:
    """An order.

    :param names: the sort keys, by their names in the list.
    :param expressions: their SQL expressions, one or more per sort key.
    :param directions: ASC or DESC for each expression.
    :param key: the table's key. It comes last, so that the order of equal rows is the same on all
        pages.
    """

    names: tuple[str, ...]
    expressions: tuple[str, ...]
    directions: tuple[str, ...]
    key: str

    @classmethod
    def of(
        cls, listing: Listing, sorts: Mapping[str, tuple[str, ...]], default: str, key: str
    ) -> Order:
        """Return the listing's order; by ``default`` if the listing has no known sort key."""
        asked: dict[str, str] = {}
        for sort in (listing.sort, *listing.then):
            name = sort.removeprefix("-")
            if name in sorts:
                asked.setdefault(name, "DESC" if sort.startswith("-") else "ASC")
        asked = asked or {default.removeprefix("-"): "DESC" if default[:1] == "-" else "ASC"}
        pairs = [(each, direction) for name, direction in asked.items() for each in sorts[name]]
        return cls(
            tuple(asked),
            tuple(each for each, _ in pairs),
            tuple(direction for _, direction in pairs),
            key,
        )

    def by(self, expressions: Iterable[str]) -> str:
        """Return the ORDER BY of all expressions, or of given columns with their values."""
        return f"{self.by_first(expressions)}, {quoted(self.key)}"

    def by_first(self, expressions: Iterable[str]) -> str:
        """Return the ORDER BY of the first expressions only."""
        pairs = zip(expressions, self.directions, strict=False)
        return ", ".join(f"{each} {direction} NULLS LAST" for each, direction in pairs)


def text(name: str) -> str:
    """Return the sort expression of a text column, which ignores case.

    It has no literals, because the local engine confuses equal literals of one statement. The CRM
    stores an empty text as NULL, so both come last.
    """
    return f"LOWER({quoted(name)})"
