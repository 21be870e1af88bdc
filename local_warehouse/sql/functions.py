"""SQL functions: found where they are called, their bodies made ready to take their place."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from sqlglot import exp

from local_warehouse.catalog.objects import Function
from local_warehouse.errors import SqlError, unsupported

from .names import Resolver, is_cte
from .parsing import parse
from .template import DIALECT


def called(node: exp.Expression) -> list[str] | None:
    """The name of the function that ``node`` calls, in parts; None where it is no such call.

    A qualified name is always a function of a schema; of others only those that the parser
    does not know as built in.
    """
    if isinstance(node, exp.Anonymous) and not _is_qualified(node):
        return [node.name]
    if not isinstance(node, exp.Dot) or not isinstance(node.expression, exp.Func):
        return None
    names, left = [_name(node.expression)], node.this
    while isinstance(left, exp.Dot):
        names.insert(0, left.expression.name)
        left = left.this
    if not isinstance(left, exp.Identifier | exp.Column):
        return None
    return [*_column_parts(left), *names]


def arguments(node: exp.Expression) -> list[exp.Expression]:
    return (node.expression if isinstance(node, exp.Dot) else node).expressions


def body(function: Function) -> exp.Expression:
    return exp.paren(parse(f"SELECT {function.body}").selects[0])


def _is_qualified(node: exp.Expression) -> bool:
    return isinstance(node.parent, exp.Dot) and node.parent.expression is node


def _name(call: exp.Func) -> str:
    if not isinstance(call, exp.Anonymous):
        raise unsupported(f"a function named like the built-in {call.sql_name()}")
    return call.name


def _column_parts(node: exp.Expression) -> list[str]:
    return [part.name for part in node.parts] if isinstance(node, exp.Column) else [node.name]


class Binding:
    """One call's arguments, to be put where the function's parameters stand.

    The parameters are marked before the body is worked on, and replaced after it: what is put
    in belongs to the caller, and means there what it meant.
    """

    def __init__(
        self, function: Function, given: list[exp.Expression], resolver: Resolver
    ) -> None:
        if len(given) != len(function.parameters):
            raise SqlError(
                "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
                f"The `{function.name}` requires {len(function.parameters)} parameters but the "
                f"actual number is {len(given)}.",
                "42605",
            )
        self._function = function
        self._given = given
        self._resolver = resolver
        self._key = secrets.token_hex(4)
        self._names = {p.name.lower(): i for i, p in enumerate(function.parameters)}

    def mark(self, tree: exp.Expression) -> None:
        """Raises SqlError where a name could mean a parameter or something else."""
        if tree.find(exp.Query):
            self._require_no_capture(tree)
        for column in tree.find_all(exp.Column):
            index = self._names.get(column.name.lower())
            own = column.table.lower() in ("", self._function.name)
            if index is None or not own:
                continue
            if not column.table and in_subquery(column, tree, self._resolver):
                continue
            column.meta[self._key] = index

    def put_in(self, tree: exp.Expression) -> exp.Expression:
        for column in list(tree.find_all(exp.Column)):
            if (index := column.meta.get(self._key)) is not None:
                kind = self._function.parameters[index].type
                column.replace(exp.cast(self._given[index].copy(), kind, dialect=DIALECT))
        return exp.cast(tree, self._function.returns, dialect=DIALECT)

    def _require_no_capture(self, tree: exp.Expression) -> None:
        """In a subquery of the body, an argument's column must not become one of its tables'."""
        aliases = {table.alias_or_name.lower() for table in tree.find_all(exp.Table)}
        for argument in self._given:
            for column in argument.find_all(exp.Column):
                taken = column.table.lower() in aliases
                inner = not column.table and any(
                    knows(select, column.name, self._resolver)
                    for select in tree.find_all(exp.Select)
                )
                if taken or inner:
                    raise unsupported(
                        f"the argument {column.sql(dialect=DIALECT)} of a function whose body "
                        "reads a table with such a column or name"
                    )


def in_subquery(column: exp.Expression, root: exp.Expression, resolver: Resolver) -> bool:
    """Whether an unqualified name is a column of a subquery within ``root``."""
    return any(knows(select, column.name, resolver) for select in _enclosing(column, root))


def _enclosing(node: exp.Expression, root: exp.Expression) -> Iterator[exp.Select]:
    while node is not root and node is not None:
        node = node.parent
        if isinstance(node, exp.Select):
            yield node


def knows(select: exp.Select, name: str, resolver: Resolver) -> bool:
    """Whether one of the tables that ``select`` reads has that column.

    Raises SqlError where this cannot be told.
    """
    sources = [join.this for join in select.args.get("joins") or ()]
    if (from_ := select.args.get("from_")) is not None:
        sources.append(from_.this)
    found = False
    for source in sources:
        table = None
        if isinstance(source, exp.Table) and not is_cte(source):
            table = resolver.catalog.find(*resolver.parts(source))
        if table is None:
            raise unsupported(f"the unqualified name {name} in this subquery")
        found = found or table.column(name) is not None
    return found
