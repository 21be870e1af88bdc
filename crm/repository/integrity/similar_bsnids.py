"""Find accounts whose BSNIDs differ only in capitals or blanks. They may be different accounts, so
there is no repair: a person decides."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS
from crm.repository.similar_keys import are_similar

from ._statements import Statement, render

_SIMILAR = """
SELECT a.bsnid AS key, CONCAT('differs only in capitals or blanks from “',
    CONCAT_WS('”, “', SORT_ARRAY(COLLECT_LIST(b.bsnid))),
    '”. If they are the same account, give its records to one of them and delete the other')
  AS detail, CAST(NULL AS STRING) AS repair
FROM {each_bsnid} AS a
JOIN {each_bsnid} AS b ON {are_similar} AND a.bsnid < b.bsnid
GROUP BY a.bsnid
"""


def find(namespace: Namespace) -> Iterator[Statement]:
    parts = {"are_similar": are_similar("a.bsnid", "b.bsnid")}
    yield Statement(ACCOUNTS, render(namespace, ACCOUNTS, _SIMILAR, **parts))
