"""The outline of a JSON file: which keys and lists it has, down to the values of records.

It takes one pass over the file, and little memory whatever the file's size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import ijson

from crm.importing.errors import SourceError

# The known shapes need six levels; far deeper values need more stack than a thread has.
MAX_DEPTH = 50
# Levels of which the outline knows the keys: the file, its sections, their records, their values.
_OUTLINED = 4
# Keys and items that are kept of each object and list below the file's own keys.
_KEPT = 200

WORDS = {
    "start_map": "an object",
    "start_array": "a list",
    "null": "null",
    "string": "a text",
    "boolean": "true or false",
    "number": "a number",
}


@dataclass
class Node:
    """A value: its first parser event, and the values in it.

    ``keys`` holds those of an object by key (a repeated key once for each kind of value),
    ``items`` those of a list. ``text`` is the value if it is a text.
    """

    event: str
    keys: list[tuple[str, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    text: str = ""

    def get(self, key: str) -> Node | None:
        return next((node for name, node in self.keys if name == key), None)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.keys]

    @property
    def is_object(self) -> bool:
        return self.event == "start_map"

    @property
    def is_list(self) -> bool:
        return self.event == "start_array"


def outlines(name: str, file: BinaryIO) -> list[Node]:
    """Return the outlines of the file's values, at most two: JSON has one, JSON lines have many.

    Raises ijson.JSONError, or SourceError if the file is nested too deep.
    """
    roots: list[Node] = []
    open_nodes: list[Node | None] = []
    key = ""
    for event, value in ijson.basic_parse(file, multiple_values=True):
        if event == "map_key":
            key = value
        elif event in ("end_map", "end_array"):
            open_nodes.pop()
        else:
            node = _added(roots, open_nodes, key, event)
            if node is not None and event == "string":
                node.text = value[:1000]
            if event in ("start_map", "start_array"):
                open_nodes.append(node)
                if len(open_nodes) > MAX_DEPTH:
                    raise SourceError(f"{name} is nested too deeply.")
    return roots


def _added(roots: list[Node], open_nodes: list[Node | None], key: str, event: str) -> Node | None:
    """Add a value to the outline, unless the outline has enough values of that place."""
    if not open_nodes:
        if len(roots) < 2:
            roots.append(Node(event))
            return roots[-1]
        return None
    parent = open_nodes[-1]
    if parent is None or len(open_nodes) > _OUTLINED:
        return None
    if parent.is_list:
        if len(parent.items) < _KEPT:
            parent.items.append(Node(event))
            return parent.items[-1]
        return None
    is_top = len(open_nodes) == 1
    if is_top and any(name == key and node.event == event for name, node in parent.keys):
        return None
    if is_top or len(parent.keys) < _KEPT:
        parent.keys.append((key, Node(event)))
        return parent.keys[-1][1]
    return None


def records_under(node: Node) -> Iterator[Node]:
    """Yield the outlined values of an object or a list."""
    yield from node.items
    for _, child in node.keys:
        yield child
