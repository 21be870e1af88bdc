"""Ids that are computed from a row's content, in SQL as crm/model/made_ids.py does it in Python,
and the ids of reverts and of rows that were taken back."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from crm.model import made_ids
from crm.model.namespace import quoted
from crm.model.schema import Table


def hash_of(table: Table) -> str:
    """Return the SQL expression of the hash from which ``uuid`` makes the id of a row that has the
    table's columns."""
    texts = (f"COALESCE(CAST({quoted(n)} AS STRING), '')" for n in made_ids.columns(table))
    separator = f"\\u{ord(made_ids.SEPARATOR):04x}"
    return _hash(f"CONCAT_WS('{separator}', '{table.name}', {', '.join(texts)})")


def uuid(sha: str) -> str:
    """Return the SQL expression of the UUID (version 5) with this hash. It names the hash six
    times.

    https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-5
    """
    variant = f"TRANSLATE(SUBSTR({sha}, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab')"
    return (
        f"CONCAT(SUBSTR({sha}, 1, 8), '-', SUBSTR({sha}, 9, 4), '-5', SUBSTR({sha}, 14, 3), '-', "
        f"{variant}, SUBSTR({sha}, 18, 3), '-', SUBSTR({sha}, 21, 12))"
    )


def uuid5(content: str) -> str:
    """Return the SQL expression of the UUID (version 5) of a text in our namespace."""
    return uuid(_hash(content))


def _hash(content: str) -> str:
    return f"SHA1(CONCAT(UNHEX('{made_ids.NAMESPACE.hex}'), ENCODE({content}, 'UTF-8')))"


@lru_cache(maxsize=1_000)
def of_revert(undone: str) -> str:
    """Return the id of the operation that reverts ``undone``; it is the same each time."""
    return hashlib.sha256(f"revert {undone}".encode()).hexdigest()[:32]


@lru_cache(maxsize=1_000)
def of_take_back(undone: str) -> str:
    """Return the id of the operation that deletes invalid rows which ``undone`` inserted."""
    return hashlib.sha256(f"take back {undone}".encode()).hexdigest()[:32]
