"""Column types, as SQL writes them, as DESCRIBE shows them, and as a Delta schema stores them."""

from __future__ import annotations

import re
from typing import Any

from .objects import Column

# A field of a Delta schema: a JSON object, whose values may have any type.
Field = dict[str, Any]
_TYPES = {
    "string": "STRING", "long": "BIGINT", "integer": "INT", "short": "SMALLINT",
    "byte": "TINYINT", "double": "DOUBLE", "float": "FLOAT", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP", "timestamp_ntz": "TIMESTAMP_NTZ",
    "binary": "BINARY",
}  # fmt: skip
_WORDS = re.compile(r"(?P<field>`[^`]*`|\w+(?=\s*:))|\w+")


def shown(type_: str) -> str:
    """Return the type in lower case, except for the names of a struct's fields."""
    return _WORDS.sub(lambda word: word[0] if word["field"] else word[0].lower(), type_)


def column_of(field: Field) -> Column:
    """Return a field of a Delta schema as a column of the catalog."""
    comment = field["metadata"].get("comment")
    return Column(field["name"], _of_delta(field["type"]), field["nullable"], comment)


def _of_delta(kind: str | Field) -> str:
    if isinstance(kind, str):
        return kind.upper() if kind.startswith("decimal") else _TYPES[kind]
    if kind["type"] == "array":
        return f"ARRAY<{_of_delta(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"MAP<{_of_delta(kind['keyType'])}, {_of_delta(kind['valueType'])}>"
    members = (f"{field['name']}: {_of_delta(field['type'])}" for field in kind["fields"])
    return f"STRUCT<{', '.join(members)}>"
