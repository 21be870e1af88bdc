"""SQL by which rows from elsewhere (alias ``g``) are told from those that are there (``t``).

Rows are matched by ``Table.match``; only the table's own columns are compared. Where rows do not
speak of all columns each carries a mask, a text of ``1`` (it does) and ``0`` in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crm.model.namespace import Namespace
from crm.model.schema import Table

MASK = "_given"


def parts(namespace: Namespace, table: Table, *, masked: bool = False) -> dict[str, str]:
    """Parts of statements, by name. ``masked``: of each row only what its mask names is compared
    and overwritten."""
    own = table.own_names
    # What a child is known by need not be its id; see Table.match.
    compared = [name for name in own if name != table.key or table.key in table.match]
    given = {
        name: is_given(table, name, "g") for name in compared if masked and name not in table.match
    }
    return {
        "target": namespace.table(table),
        "own_columns": _names(own),
        "names": _names(table.names),
        "sources": ", ".join(f"g.`{name}`" for name in table.names),
        "assignments": "".join(
            f"`{name}` = {_new_value(name, given.get(name))}, "
            for name in compared
            if name not in table.match
        ),
        "match": " AND ".join(f"t.`{name}` = g.`{name}`" for name in table.match),
        "same": " AND ".join(_same(name, given.get(name)) for name in compared),
        "given_values": hashed("g", compared, given),
        "there_values": hashed("t", compared, given),
        "key": f"`{table.match[0]}`",
        "first": table.match[0],
        "owner": table.parent_key,
    }


def is_given(table: Table, name: str, alias: str) -> str:
    """Whether the row behind the alias speaks of this column."""
    return mask_says(table, name, f"{alias}.`{MASK}`")


def mask_says(table: Table, name: str, mask: str) -> str:
    return f"SUBSTRING({mask}, {table.names.index(name) + 1}, 1) = '1'"


def hashed(alias: str, names: Sequence[str], given: Mapping[str, str] | None = None) -> str:
    """The arguments of a hash over these columns; what is not ``given`` adds nothing to it."""
    return ", ".join(_marked(alias, name, (given or {}).get(name)) for name in names)


def with_audit(name: str, value: str, is_given: str = "") -> str:
    """What goes in: who and when are now and ``:actor`` where the source does not say. Where
    ``is_given`` holds, it does by saying nothing."""
    default = {"_at": "CURRENT_TIMESTAMP()", "_by": ":actor"}.get(name[-3:])
    if default is None:
        return value
    filled = f"COALESCE({value}, {default})"
    return f"CASE WHEN {is_given} THEN {value} ELSE {filled} END" if is_given else filled


def _same(name: str, given: str | None) -> str:
    same = f"t.`{name}` <=> g.`{name}`"
    return f"(NOT {given} OR {same})" if given else same


def _new_value(name: str, given: str | None) -> str:
    return f"CASE WHEN {given} THEN g.`{name}` ELSE t.`{name}` END" if given else f"g.`{name}`"


def _marked(alias: str, name: str, given: str | None) -> str:
    # NULL adds nothing to a hash: without its own mark (a, NULL) would equal (NULL, a).
    value = f"COALESCE(CONCAT('=', CAST({alias}.`{name}` AS STRING)), '-')"
    return f"CASE WHEN {given} THEN {value} ELSE '' END" if given else value


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
