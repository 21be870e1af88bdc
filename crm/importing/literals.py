"""Reads texts that hold a Python or JSON value, such as the text of a list from ``print`` or
pandas.

Only literals are read, and calls of the types that Python prints as calls; nothing is executed.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from typing import Any

# Python's parser needs some hundred times the memory of a text.
MAX_CHARACTERS = 20_000_000
# Possessive, so that no text makes them try the same again and again, or keep each character.
_QUOTED = r"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\""
# A list of texts, as Python, JSON or NumPy prints it; NumPy puts no commas between.
_TEXTS = re.compile(rf"\[\s*+(?:(?:{_QUOTED})\s*+(?:,\s*+)?+)*+\]", re.DOTALL)
_NAMES = {"null": None, "true": True, "false": False, "nan": None, "NaN": None, "NaT": None}
_DATES = {"datetime", "date", "time"}
_WRAPPERS = {
    *("Timestamp", "UUID", "Decimal", "str", "int", "float", "datetime64"),
    *("str_", "bool_", "float64", "float32", "int64", "int32"),  # NumPy 2
}
_COLLECTIONS = {
    *("OrderedDict", "defaultdict", "list", "dict", "set", "tuple", "array", "frozenset"),
    *("SessionStateProxy", "SafeSessionState", "AttrDict", "mappingproxy"),
}
# What Python prints of objects, such as a defaultdict's factory (<class 'dict'>), pandas' <NA> and
# the zone <UTC>; beside them the texts, which may hold the same.
_OBJECTS = re.compile(rf"(?P<text>{_QUOTED})|<(?:class '[\w.]+'|NA|UTC)>", re.DOTALL)


_OPEN, _CLOSED = ("[", "(", "{", "array(", "set(", "frozenset("), ("]", ")", "}")


def parse(text: str) -> Any:
    """Return the value of a literal, or of assignments (``accounts = {…}``) as a dict.

    Dates and times become ISO text. Raises ValueError if the text is anything else.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError("too long")
    try:
        body = ast.parse(_OBJECTS.sub(lambda each: each["text"] or "None", text.strip())).body
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from error
    if not body:
        raise ValueError("is empty")
    if len(body) == 1 and isinstance(body[0], ast.Expr):
        return _value(body[0].value)
    values: dict[str, Any] = {}
    for statement in body:
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1):
            raise ValueError("is not a literal")
        values[_name(statement.targets[0])] = _value(statement.value)
    return values


def parse_list(text: str) -> list[Any] | None:
    """Return the list that a text holds, or None if it holds none. A tuple, a set and NumPy's
    array are lists."""
    text = text.strip()
    if not (text.startswith(_OPEN) and text.endswith(_CLOSED)):
        return None
    if _TEXTS.fullmatch(text):
        return [ast.literal_eval(each) for each in re.findall(_QUOTED, text, re.DOTALL)]
    value = parse_value(text)
    return value if isinstance(value, list) else None


def parse_value(text: str) -> Any:
    """Return the value that a text holds as JSON or as a literal, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return parse(text)
    except ValueError:
        return None


def _name(target: ast.expr) -> str:
    """``accounts``, ``st.session_state.accounts`` and ``state["accounts"]`` all name accounts."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    raise ValueError("is not a literal")


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bytes() | complex()):
            raise ValueError("is not a literal")
        case ast.Constant(value=int(number)):
            str(number)  # raises ValueError where it is too long to be shown
            return number
        case ast.Constant(value=value):
            return None if value is Ellipsis else value
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {str(_value(key)): _value(value) for key, value in pairs if key is not None}
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return [_value(item) for item in items]
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Call(func=ast.Name(id="Row"), args=[], keywords=cells) if cells:
            return {cell.arg: _value(cell.value) for cell in cells if cell.arg}  # Spark's
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _value(operand)
            if isinstance(number, int | float):
                return -number
        case ast.Call(args=arguments):
            return _call(node, [_value(argument) for argument in arguments])
    raise ValueError("is not a literal")


def _call(node: ast.Call, arguments: list[Any]) -> Any:
    name = _name(node.func)
    if name in _DATES and all(isinstance(each, int) for each in arguments):
        make = {"datetime": dt.datetime, "date": dt.date, "time": dt.time}[name]
        try:
            return make(*arguments).isoformat()
        except (TypeError, OverflowError) as error:
            raise ValueError(str(error)) from error
    if name in _WRAPPERS and len(arguments) == 1:
        return arguments[0]
    if name in _COLLECTIONS:
        values = [each for each in arguments if isinstance(each, list | dict)]
        value = values[0] if values else []
        if name in ("OrderedDict", "defaultdict", "dict") and isinstance(value, list):
            try:
                return {str(key): each for key, each in value}
            except (TypeError, ValueError):
                raise ValueError("is not a literal") from None
        return value
    raise ValueError("is not a literal")
