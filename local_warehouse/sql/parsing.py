"""Read SQL text: statements as syntax trees, commands word by word."""

from __future__ import annotations

import re
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.databricks import Databricks
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from local_warehouse.errors import SqlError, syntax_error

from .parameters import Parameters
from .template import DIALECT

_databricks = Databricks()


def parse(sql: str, tokens: list[Token] | None = None) -> exp.Expr:
    """Return the one statement in ``sql``. Raises SqlError (PARSE_SYNTAX_ERROR).

    ``tokens``, if given, are those of ``sql``.
    """
    tokens = tokenize(sql) if tokens is None else tokens
    try:
        if "@" in sql:
            sql = _spell_out_versions(sql, tokens)
            tokens = tokenize(sql)
        trees = [tree for tree in _trees(sql, tokens) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        errors = getattr(error, "errors", None)
        detail = errors[0]["description"] if errors else str(error)
        raise syntax_error(f"at or near {detail}") from error
    if len(trees) != 1:
        raise syntax_error("exactly one statement is expected")
    return trees[0]


def _trees(sql: str, tokens: list[Token]) -> list[exp.Expr | None]:
    """Return the statements; one that sqlglot does not know, such as EXPLAIN, is a Command."""
    if tokens and tokens[0].token_type in Databricks.Tokenizer.COMMANDS:
        return _databricks.parse(sql)
    return _databricks.parser().parse(tokens, sql)


def parse_expression(sql: str) -> exp.Expr:
    """Return the expression in ``sql``. Raises SqlError (PARSE_SYNTAX_ERROR)."""
    tree = parse(f"SELECT {sql}")
    if not isinstance(tree, exp.Select):
        raise syntax_error(f"at or near {sql}")
    return tree.selects[0]


def parse_condition(sql: str) -> exp.Expr:
    """Return the condition in ``sql``. Raises SqlError (PARSE_SYNTAX_ERROR)."""
    condition: exp.Expr = parse(f"SELECT 1 WHERE {sql}").args["where"].this
    return condition


def _spell_out_versions(sql: str, tokens: list[Token]) -> str:
    """Replace ``t@v3`` by ``t VERSION AS OF 3``, and ``t@20260131120000000`` by its moment.

    The parser would take either for an alias, and so for the table's latest version.
    """
    parts, end = list[str](), 0
    for before, at, point in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if at.token_type is not TokenType.PARAMETER:
            continue
        version = re.fullmatch(r"[vV](\d+)", point.text)
        moment = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})", point.text)
        if before.end + 1 != at.start or at.end + 1 != point.start:
            raise syntax_error("at or near '@'")
        if version:
            spelled = f" VERSION AS OF {version[1]}"
        elif moment:
            spelled = " TIMESTAMP AS OF '{}-{}-{} {}:{}:{}.{}'".format(*moment.groups())
        else:
            raise syntax_error(f"at or near '@{point.text}'")
        parts += [sql[end : at.start], spelled]
        end = point.end + 1
    return "".join([*parts, sql[end:]])


class _Tokenizer(Databricks.Tokenizer):
    # Else the rest of a SHOW or an OPTIMIZE would be one token.
    COMMANDS: ClassVar[set[TokenType]] = set()


def text_of(node: exp.Expr) -> str:
    """Return a string literal's text. Raises SqlError for any other expression."""
    if isinstance(node, exp.Literal) and node.is_string:
        return node.name
    raise syntax_error(f"at or near {node.sql(dialect=DIALECT)}: a string is expected")


def type_name(kind: exp.Expr) -> str:
    """Return a data type as SQL writes it."""
    return kind.sql(dialect=DIALECT)


def property_of(item: exp.Property) -> tuple[str, str]:
    """Return the name and the value of a table property.

    The name is quoted or dotted; the value is a string, number or boolean.

    https://docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-tblproperties
    """
    named, value = item.this, item.args["value"]
    is_dotted = isinstance(named, exp.Dot)
    name = ".".join(part.name for part in named.flatten()) if is_dotted else named.name
    if isinstance(value, exp.Boolean):
        return name, str(value.this).lower()
    if value.is_number:
        return name, value.sql(dialect=DIALECT)
    return name, text_of(value)


def tokenize(sql: str) -> list[Token]:
    try:
        return _Tokenizer(DIALECT).tokenize(sql)
    except SqlglotError as error:
        raise syntax_error(str(error)) from error


class Words:
    """Reads the tokens of a command from left to right. All methods raise SqlError.

    ``accept`` reads words if they come next; ``expect`` fails if they do not. Values may be
    literals or parameter markers.
    """

    def __init__(self, sql: str, parameters: Parameters) -> None:
        self._sql = sql
        self._tokens = [t for t in tokenize(sql) if t.token_type is not TokenType.SEMICOLON]
        self._at = 0
        self._parameters = parameters

    def accept(self, *words: str) -> bool:
        found = [token.text.upper() for token in self._tokens[self._at : self._at + len(words)]]
        if found == list(words):
            self._at += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.unexpected()

    def name(self) -> list[str]:
        """Read a possibly qualified name; return its parts."""
        parts = [self._next().text]
        while self.accept("."):
            parts.append(self._next().text)
        return parts

    def table(self) -> exp.Table:
        """Read a table's name."""
        names = self.name()
        if len(names) > 3:
            raise self.unexpected()
        padded = [None] * (3 - len(names)) + names
        catalog, schema, table = (exp.to_identifier(n, quoted=True) if n else None for n in padded)
        return exp.Table(this=table, db=schema, catalog=catalog)

    def string(self) -> str:
        """Read a string literal, or a parameter."""
        if self.accept(":"):
            return self._parameters.text(self._next().text)
        token = self._next()
        if token.token_type is not TokenType.STRING:
            raise syntax_error(f"at or near '{token.text}': a string is expected")
        return token.text

    def property_name(self) -> str:
        """Read a table property's name, quoted or dotted."""
        is_text = self.more and self._tokens[self._at].token_type is TokenType.STRING
        return self._next().text if is_text else ".".join(self.name())

    def number(self) -> int:
        """Read a whole number, or a parameter."""
        text = self._parameters.text(self._next().text) if self.accept(":") else self._next().text
        if not text.isdigit():
            raise syntax_error(f"at or near '{text}': a whole number is expected")
        return int(text)

    def value(self) -> str:
        """Read a string, number or word, as in SET."""
        return self._next().text

    def contains(self, *words: str) -> bool:
        """Whether these words follow each other somewhere in the command."""
        texts = [token.text.upper() for token in self._tokens]
        return any(texts[i : i + len(words)] == list(words) for i in range(len(texts)))

    def until(self, *words: str) -> str:
        """Read the SQL up to one of these words, or to the end."""
        if not self.more:
            raise self.unexpected()
        start = self._tokens[self._at].start
        while self.more and self._tokens[self._at].text.upper() not in words:
            self._at += 1
        end = self._tokens[self._at].start if self.more else None
        return self._sql[start:end].rstrip().removesuffix(";")

    def next_is(self, *words: str) -> bool:
        """Whether one of these words comes next, or nothing."""
        return not self.more or self._tokens[self._at].text.upper() in words

    @property
    def more(self) -> bool:
        return self._at < len(self._tokens)

    def end(self) -> None:
        if self.more:
            raise self.unexpected()

    def unexpected(self) -> SqlError:
        rest = self._tokens[self._at].text if self.more else "end of input"
        return syntax_error(f"at or near '{rest}'")

    def _next(self) -> Token:
        if not self.more:
            raise self.unexpected()
        self._at += 1
        return self._tokens[self._at - 1]
