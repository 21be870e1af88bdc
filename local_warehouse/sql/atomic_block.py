"""``BEGIN ATOMIC … END``: several statements that are committed together, or not at all.

https://docs.databricks.com/sql/language-manual/sql-ref-syntax-txn-begin-atomic
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from local_warehouse.catalog.objects import SYSTEM_CATALOG
from local_warehouse.errors import SqlError, syntax_error, unsupported

from . import table_changes
from .names import SYSTEM_SCHEMAS
from .parsing import parse, tokenize
from .template import Marker, Template

_ALLOWED = (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge)
# Control flow and variables, which only Databricks' scripts have.
_SCRIPTING = {"BEGIN", "CALL", "CASE", "DECLARE", "EXECUTE", "FOR", "IF", "ITERATE", "LEAVE"}
_SCRIPTING |= {"LOOP", "REPEAT", "RESIGNAL", "SET", "SIGNAL", "WHILE"}


@dataclass(frozen=True)
class Part:
    """One statement of a block; ``parameters`` unnamed parameters come before it."""

    sql: str
    parameters: int


def parts(sql: str, tokens: list[Token]) -> tuple[Part, ...] | None:
    """Return the statements of a block; None if the SQL is something else. Raises SqlError.

    ``tokens`` are those of ``sql``.
    """
    if [token.text.upper() for token in tokens[:2]] != ["BEGIN", "ATOMIC"]:
        return None
    if tokens[-1].token_type is TokenType.SEMICOLON:
        tokens = tokens[:-1]
    *inner, end = tokens[2:] or [tokens[-1]]
    if end.text.upper() != "END" or (inner and inner[-1].token_type is not TokenType.SEMICOLON):
        raise syntax_error(f"at or near '{tokens[-1].text}': END is expected after a semicolon")
    return tuple(_parts(sql, inner))


def _parts(sql: str, tokens: list[Token]) -> Iterator[Part]:
    start = parameters = before = 0
    for at, token in enumerate(tokens):
        if token.token_type is TokenType.PLACEHOLDER:
            parameters += 1
        if token.token_type is TokenType.SEMICOLON:
            if at > start:
                yield Part(sql[tokens[start].start : token.start], before)
            start, before = at + 1, parameters


def read(part: Part) -> exp.Expr:
    """Return the statement, if it may be in a block. Raises SqlError."""
    tokens = tokenize(part.sql)
    first = tokens[0].text.upper()
    if first in _SCRIPTING:
        raise unsupported(f"{first} in BEGIN ATOMIC")
    try:
        tree = parse(part.sql, tokens)
    except SqlError:
        if first not in ("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES"):
            raise _command(first) from None
        raise
    if not isinstance(tree, _ALLOWED):
        raise _command(first)
    for table in tree.find_all(exp.Table):
        if table_changes.is_call(table):
            raise refused(
                "CDF_READ",
                "Reading the change data feed using table_changes() function is not supported. "
                "Please remove the table_changes() usage and retry the transaction.",
            )
        if table.args.get("version"):
            raise refused(
                "TIME_TRAVEL_QUERY",
                "Time travel queries are not supported in a transaction. Please remove the "
                f"temporal specification when referring to table {table.name}.",
            )
        if table.catalog.lower() == SYSTEM_CATALOG or table.db.lower() in SYSTEM_SCHEMAS:
            raise refused(
                "INFORMATION_SCHEMA_TABLE",
                f"Accessing tables from INFORMATION_SCHEMA ({table.name}) is not supported in a "
                "transaction.",
            )
    return tree


def refused(condition: str, text: str) -> SqlError:
    """Return the error of something that no transaction may do.

    https://docs.databricks.com/error-messages/transaction-not-supported-error-class
    """
    return SqlError(f"TRANSACTION_NOT_SUPPORTED.{condition}", text, "0A000")


def _command(name: str) -> SqlError:
    return refused(
        "COMMAND",
        f"Command {name} is not supported in a transaction. Only SELECT / INSERT / MERGE / UPDATE "
        "/ DELETE are supported.",
    )


def after_parameters(template: Template, parameters: int) -> Template:
    """Return the template of a statement after so many unnamed parameters of earlier ones."""

    def moved(piece: str | Marker) -> str | Marker:
        if isinstance(piece, Marker) and piece.kind == "positional":
            position: Hashable = piece.key
            assert isinstance(position, int)
            return Marker("positional", position + parameters)
        if isinstance(piece, Marker) and isinstance(piece.key, Template):
            return Marker(piece.kind, after_parameters(piece.key, parameters))
        return piece

    return Template(tuple(moved(piece) for piece in template.pieces))


def with_names(template: Template, names: dict[str, str]) -> Template:
    """Return the template with other names of engine tables: old name -> new name."""

    def renamed(piece: str | Marker) -> str | Marker:
        if isinstance(piece, str):
            for old, new in names.items():
                piece = piece.replace(old, new)
        elif isinstance(piece.key, Template):
            return Marker(piece.kind, with_names(piece.key, names))
        return piece

    return Template(tuple(renamed(piece) for piece in template.pieces))
