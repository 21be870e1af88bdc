"""SQL by which rows from elsewhere (alias ``g``) are told from those that are there (``t``).

Rows are matched by ``Table.match``; only the table's own columns are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crm.schema import AUDIT_COLUMNS, Namespace, Table

_AUDIT = {column.name for column in AUDIT_COLUMNS}


def parts(
    namespace: Namespace, table: Table, given: Collection[str] | None = None
) -> dict[str, str]:
    """Parts of statements, by name; only the columns that are ``given`` (default: all) are
    compared and overwritten."""
    own = [name for name in table.names if name not in _AUDIT]
    # What a child is known by need not be its id; see Table.match.
    compared = [
        name
        for name in own
        if (name != table.key or table.key in table.match)
        and (given is None or name in given or name in table.match)
    ]
    return {
        "target": namespace.table(table),
        "own_columns": _names(own),
        "names": _names(table.names),
        "sources": ", ".join(f"g.`{name}`" for name in table.names),
        "assignments": "".join(
            f"`{name}` = g.`{name}`, " for name in compared if name not in table.match
        ),
        "match": " AND ".join(f"t.`{name}` = g.`{name}`" for name in table.match),
        "same": " AND ".join(f"t.`{name}` <=> g.`{name}`" for name in compared),
        "given_values": hashed("g", compared),
        "there_values": hashed("t", compared),
        "key": f"`{table.match[0]}`",
        "first": table.match[0],
        "owner": table.parent_key,
    }


def hashed(alias: str, names: Sequence[str]) -> str:
    """The arguments of a hash over these columns."""
    # NULL adds nothing to a hash: without its own mark (a, NULL) would equal (NULL, a).
    return ", ".join(
        f"COALESCE(CONCAT('=', CAST({alias}.`{name}` AS STRING)), '-')" for name in names
    )


def with_audit(name: str, value: str) -> str:
    """What goes in: who and when are now and ``:actor`` where the source does not say."""
    if name.endswith("_at"):
        return f"COALESCE({value}, CURRENT_TIMESTAMP())"
    if name.endswith("_by"):
        return f"COALESCE({value}, :actor)"
    return value


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
