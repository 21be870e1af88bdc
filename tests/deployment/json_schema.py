"""The part of JSON Schema that bundles use. A package for all of it would be one more to lock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def problems(value: Any, schema: Any, root: Any = None, place: str = "") -> Iterator[str]:
    """Yield what a schema does not allow, each with its place in the value."""
    root = schema if root is None else root
    schema = followed(schema, root)
    if len(branches := alternatives(schema, root)) > 1:
        found = [(each, list(problems(value, each, root, place))) for each in branches]
        # The problems are those of the alternative that has the value's type.
        yield from min(found, key=lambda it: (not _fits(value, it[0]), len(it[1])))[1]
        return
    if (kind := schema.get("type")) and not _is(value, kind):
        yield f"{place}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str) and "pattern" in schema and not _pattern(schema).search(value):
        yield f"{place}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from problems(each, schema.get("items", {}), root, f"{place}[{number}]")
    if isinstance(value, dict):
        yield from _in_object(value, schema, root, place)


def _in_object(value: dict[str, Any], schema: Any, root: Any, place: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}: {name} is missing"
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, each in value.items():
        inner = known.get(name, others)
        if inner is False:
            yield f"{place}: {name} is unknown"
        else:
            yield from problems(each, inner, root, f"{place}.{name}")


def followed(schema: Any, root: Any) -> Any:
    """Return the schema to which ``$ref`` leads, or the schema itself without one."""
    while "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def alternatives(schema: Any, root: Any) -> list[Any]:
    schema = followed(schema, root)
    branches = schema.get("oneOf") or schema.get("anyOf")
    if not branches:
        return [schema]
    return [each for branch in branches for each in alternatives(branch, root)]


def _fits(value: Any, schema: Any) -> bool:
    return "type" not in schema or _is(value, schema["type"])


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)


def _pattern(schema: Any) -> re.Pattern[str]:
    r"""``\p{L}`` and ``\p{N}`` are letters and digits in Go's words."""
    text = schema["pattern"].replace(r"[\p{L}\p{N}]", r"[^\W_]")
    return re.compile(text.replace(r"\p{L}", r"[^\W\d_]"))
