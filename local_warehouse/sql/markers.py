"""Put markers in the place of a statement's parameters and of functions about the session."""

from __future__ import annotations

from sqlglot import exp

from .names import Resolver
from .template import Markers

METASTORE_ID = "local:00000000-0000-0000-0000-000000000000"
_USER = ("USER",)
_MEMBERSHIP = ("IS_ACCOUNT_GROUP_MEMBER", "IS_MEMBER")


def mark_values(tree: exp.Expr, resolver: Resolver, markers: Markers) -> None:
    """Replace parameters and functions about the session, in place.

    The current catalog and schema become literals: a prepared statement belongs to a namespace.
    """
    namespace = resolver.namespace
    position = 0
    for node in list(tree.dfs()):
        if isinstance(node, exp.Placeholder):
            if node.this:
                node.replace(markers.value("named", node.name))
            else:
                node.replace(markers.value("positional", position))
                position += 1
        elif isinstance(node, exp.CurrentUser | exp.SessionUser) or _is_call(node, _USER):
            node.replace(markers.value("user", ""))
        elif isinstance(node, exp.CurrentCatalog):
            node.replace(exp.Literal.string(namespace.catalog))
        elif isinstance(node, exp.CurrentSchema | exp.CurrentDatabase):
            node.replace(exp.Literal.string(namespace.schema))
        elif _is_call(node, ("CURRENT_METASTORE",)):
            resolver.require_unity()
            node.replace(exp.Literal.string(METASTORE_ID))
        elif _is_call(node, _MEMBERSHIP) and len(node.expressions) == 1:
            (group,) = node.expressions
            # Move the argument without copying it: it may be a node that the loop still visits.
            within = exp.In(expressions=[markers.value("groups", "")])
            node.replace(exp.paren(within, copy=False))
            within.set("this", group)


def _is_call(node: exp.Expr, names: tuple[str, ...]) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() in names
