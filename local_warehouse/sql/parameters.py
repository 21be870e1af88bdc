"""Turn statement parameters into literals of engine SQL.

The engine takes no parameters, so each becomes a literal of its declared type. Text is escaped
here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from local_warehouse.errors import SqlError

# Sources: docs.databricks.com, "Named parameter markers", and the connector's docs/parameters.md.
MAX_PARAMETERS = 255
MAX_PARAMETER_BYTES = 1024 * 1024

_SUFFIX = {"INT": "", "BIGINT": "L", "SMALLINT": "S", "TINYINT": "Y"}
_DECIMAL = re.compile(r"DECIMAL(\(\d+, ?\d+\))?")
_INTERVAL = re.compile(r"INTERVAL [A-Z]+( TO [A-Z]+)?")
_CAST_TYPES = ("DOUBLE", "FLOAT", "DATE", "TIMESTAMP", "TIMESTAMP_NTZ")


class ParameterValue(Protocol):
    """A parameter's value on the wire (``TSparkParameterValue`` of the connector)."""

    @property
    def stringValue(self) -> str | None: ...


class Argument(Protocol):
    """An element of an array or map (``TSparkParameterValueArg`` of the connector)."""

    @property
    def type(self) -> str | None: ...

    @property
    def value(self) -> ParameterValue | str | None: ...

    @property
    def arguments(self) -> Sequence[Argument] | None: ...


class Parameter(Argument, Protocol):
    """A parameter of a statement (``TSparkParameter`` of the connector)."""

    @property
    def name(self) -> str | None: ...


class Parameters:
    """The parameters of one execution, by name or by position.

    Raises SqlError for too many parameters, too many bytes, or values not of their type.
    """

    def __init__(self, spark_parameters: Sequence[Parameter] | None) -> None:
        sent = list(spark_parameters or ())
        if len(sent) > MAX_PARAMETERS:
            raise _refused(f"{len(sent)} parameters; at most {MAX_PARAMETERS} are allowed")
        size = sum(_size(parameter) for parameter in sent)
        if size > MAX_PARAMETER_BYTES:
            raise _refused(
                f"{size} bytes of parameters; at most {MAX_PARAMETER_BYTES} are allowed"
            )
        self.by_name: Mapping[str, str] = {p.name: literal(p) for p in sent if p.name}
        self.by_position: tuple[str, ...] = tuple(literal(p) for p in sent if not p.name)
        self._texts = {p.name: _raw(p) or "" for p in sent if p.name}

    def named(self, name: str) -> str:
        """Return a parameter as a literal. Raises SqlError if it was not sent."""
        try:
            return self.by_name[name]
        except KeyError:
            raise _unbound(name) from None

    def text(self, name: str) -> str:
        """Return a parameter's value as plain text, for commands."""
        if name not in self._texts:
            raise _unbound(name)
        return self._texts[name]

    def positional(self, index: int) -> str:
        """Return a parameter as a literal. Raises SqlError if it was not sent."""
        try:
            return self.by_position[index]
        except IndexError:
            raise _unbound(f"_{index}") from None


def literal(parameter: Argument) -> str:
    """Return a parameter, or an element of one, as a SQL literal. Raises SqlError."""
    sql_type = (parameter.type or "STRING").strip().upper()
    arguments = parameter.arguments
    if arguments is not None and sql_type.startswith("ARRAY"):
        return f"array({', '.join(literal(a) for a in arguments)})"
    if arguments is not None and sql_type.startswith("MAP"):
        # Keys and values alternate (connector: parameters/native.py, MapParameter).
        return f"map({', '.join(literal(a) for a in arguments)})"
    value = _raw(parameter)
    if value is None or sql_type in ("VOID", "NULL"):
        return "NULL" if sql_type in ("VOID", "NULL") else f"CAST(NULL AS {_checked(sql_type)})"
    return _scalar(sql_type, value)


def text_literal(value: str) -> str:
    """Return a STRING literal; no character of ``value`` can end or change it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    if not escaped.isprintable():
        escaped = "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped)
    return f"'{escaped}'"


def _raw(parameter: Argument) -> str | None:
    value = parameter.value
    return value if value is None or isinstance(value, str) else value.stringValue


def _scalar(sql_type: str, value: str) -> str:
    if sql_type == "STRING":
        return text_literal(value)
    if sql_type in _SUFFIX:
        if not re.fullmatch(r"[+-]?\d+", value):
            raise _invalid(sql_type, value)
        number = int(value)
        return f"({number}{_SUFFIX[sql_type]})" if number < 0 else f"{number}{_SUFFIX[sql_type]}"
    if sql_type == "BOOLEAN":
        if value.lower() not in ("true", "false"):
            raise _invalid(sql_type, value)
        return value.upper()
    if sql_type == "BINARY":
        return f"unhex('{value.encode().hex()}')"
    return f"CAST({text_literal(value)} AS {_checked(sql_type)})"


def _checked(sql_type: str) -> str:
    known = (*_SUFFIX, *_CAST_TYPES, "STRING", "BOOLEAN", "BINARY")
    if sql_type in known or _DECIMAL.fullmatch(sql_type) or _INTERVAL.fullmatch(sql_type):
        return sql_type
    raise _refused(f"a parameter of type {sql_type}")


def _size(parameter: Argument) -> int:
    own = len((_raw(parameter) or "").encode())
    return own + sum(_size(argument) for argument in parameter.arguments or ())


def _refused(problem: str) -> SqlError:
    return SqlError("INVALID_PARAMETER_VALUE", f"The statement has {problem}.", "22023")


def _invalid(sql_type: str, value: str) -> SqlError:
    return SqlError("CAST_INVALID_INPUT", f"The value {value!r} is not {sql_type}.", "22018")


def _unbound(name: str) -> SqlError:
    return SqlError(
        "UNBOUND_SQL_PARAMETER",
        f"Found the unbound parameter: {name}. Please, fix `args` and provide a mapping of the "
        "parameter to either a SQL literal or collection constructor functions.",
        "42P02",
    )
