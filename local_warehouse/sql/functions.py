"""SQL functions: find their calls, and put arguments into their bodies."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

from sqlglot import exp

from local_warehouse.catalog.objects import Function
from local_warehouse.errors import unsupported, wrong_number_of_arguments

from .names import Resolver, is_cte
from .parsing import parse_expression
from .template import DIALECT


def called_name(node: exp.Expr) -> list[str] | None:
    """Return the parts of the function's name that ``node`` calls; None for other nodes.

    A qualified name is always a function of a schema. An unqualified one is, if the parser does
    not know it as a built-in function.
    """
    if isinstance(node, exp.Anonymous) and not _is_qualified(node):
        return [node.name]
    if not isinstance(node, exp.Dot) or not isinstance(node.expression, exp.Anonymous):
        return None
    names, left = [node.expression.name], node.this
    while isinstance(left, exp.Dot):
        names.insert(0, left.expression.name)
        left = left.this
    if not isinstance(left, exp.Identifier | exp.Column):
        return None
    return [*_column_parts(left), *names]


def arguments(call: exp.Expr) -> list[exp.Expr]:
    return list((call.expression if isinstance(call, exp.Dot) else call).expressions)


def parse_body(function: Function) -> exp.Expr:
    return exp.paren(parse_expression(function.body))


def _is_qualified(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Dot) and node.parent.expression is node


def _column_parts(node: exp.Identifier | exp.Column) -> list[str]:
    return [part.name for part in node.parts] if isinstance(node, exp.Column) else [node.name]


class ArgumentSubstitution:
    """Puts the arguments of one call in the place of the function's parameters.

    Call ``mark_parameters`` on the body before it is expanded, and ``substitute`` afterwards: so
    the names in the arguments keep the meaning that they have for the caller.
    """

    def __init__(self, function: Function, values: Sequence[exp.Expr], resolver: Resolver) -> None:
        if len(values) != len(function.parameters):
            wanted = len(function.parameters)
            raise wrong_number_of_arguments(function.name, wanted, len(values))
        self._function = function
        self._values = values
        self._resolver = resolver
        self._key = secrets.token_hex(4)
        self._indices = {p.name.lower(): i for i, p in enumerate(function.parameters)}

    def mark_parameters(self, tree: exp.Expr) -> None:
        """Mark the columns of the body that mean a parameter.

        Raises SqlError if a name could mean a parameter or something else.
        """
        if tree.find(exp.Query):
            self._require_no_capture(tree)
        for column in tree.find_all(exp.Column):
            index = self._indices.get(column.name.lower())
            may_be_parameter = column.table.lower() in ("", self._function.name)
            if index is None or not may_be_parameter:
                continue
            if not column.table and in_subquery(column, tree, self._resolver):
                continue
            column.meta[self._key] = index

    def substitute(self, tree: exp.Expr) -> exp.Expr:
        """Replace the marked columns, and cast the body to the type that is returned."""
        for column in list(tree.find_all(exp.Column)):
            if (index := column.meta.get(self._key)) is not None:
                kind = self._function.parameters[index].type
                column.replace(exp.cast(self._values[index].copy(), kind, dialect=DIALECT))
        return exp.cast(tree, self._function.returns, dialect=DIALECT)

    def _require_no_capture(self, tree: exp.Expr) -> None:
        """Raise SqlError if an argument's column could mean a column of the body's subqueries."""
        aliases = {table.alias_or_name.lower() for table in tree.find_all(exp.Table)}
        for argument in self._values:
            for column in argument.find_all(exp.Column):
                is_alias = column.table.lower() in aliases
                is_read = not column.table and any(
                    reads_column(select, column.name, self._resolver)
                    for select in tree.find_all(exp.Select)
                )
                if is_alias or is_read:
                    raise unsupported(
                        f"the argument {column.sql(dialect=DIALECT)} of a function whose body "
                        "reads a table with such a column or name"
                    )


def in_subquery(column: exp.Column, root: exp.Expr, resolver: Resolver) -> bool:
    """Whether an unqualified column belongs to a subquery within ``root``."""
    return any(reads_column(select, column.name, resolver) for select in _enclosing(column, root))


def _enclosing(node: exp.Expr, root: exp.Expr) -> Iterator[exp.Select]:
    """Yield the SELECTs around ``node``, up to ``root``."""
    parent: exp.Expr | None = node
    while parent is not None and parent is not root:
        parent = parent.parent
        if isinstance(parent, exp.Select):
            yield parent


def reads_column(select: exp.Select, name: str, resolver: Resolver) -> bool:
    """Whether a table that ``select`` reads has the column.

    Raises SqlError if that is unknown, because ``select`` reads something other than tables.
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
