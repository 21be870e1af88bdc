"""Replace a statement's parameters, and its functions about the session, by markers."""

from __future__ import annotations

from collections.abc import Hashable

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
    positions = _positions(tree)
    for node in list(tree.dfs()):
        if isinstance(node, exp.Placeholder):
            if node.this:
                node.replace(markers.value("named", node.name))
            else:
                node.replace(markers.value("positional", positions[id(node)]))
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
            # Move the argument instead of copying it, because the loop may still visit the node.
            within = exp.In(expressions=[markers.value("groups", "")])
            node.replace(exp.paren(within, copy=False))
            within.set("this", group)


def _positions(tree: exp.Expr) -> dict[Hashable, int]:
    """Return the positions in the text of the unnamed parameters, by the ids of their nodes.

    The tree has another order than the text: in it, LIMIT comes before WHERE.
    """
    if all(node.this for node in tree.find_all(exp.Placeholder)):
        return {}
    probe, copied = Markers(), tree.copy()
    nodes = (tree.find_all(exp.Placeholder), list(copied.find_all(exp.Placeholder)))
    for node, copied_node in zip(*nodes, strict=True):
        if not node.this:
            copied_node.replace(probe.identifier("positional", id(node)))
    ids = dict.fromkeys(marker.key for marker in probe.template(copied).markers)
    return {key: position for position, key in enumerate(ids)}


def _is_call(node: exp.Expr, names: tuple[str, ...]) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() in names
