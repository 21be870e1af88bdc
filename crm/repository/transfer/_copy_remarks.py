"""SQL for the remarks on copied rows, with the same texts as crm/importing."""

from __future__ import annotations

from collections.abc import Iterator

from crm.model.namespace import quoted
from crm.model.schema import ACCOUNTS, Column, Table
from crm.repository import _sql

from ._clean import (
    INVISIBLE_SIGN,
    Origin,
    is_missing,
    is_moment,
    is_needed,
    left_empty,
    one_line,
    raw_name,
)
from ._identify import MATCHED, TEAM, UNCLEAR
from .matching.fold import DIFFERENCES
from .matching.natural_keys import NATURAL_KEYS

# The outcome of a remark on a new account whose BSNID nearly equals that of another one, and the
# column with the latter.
SIMILAR, SIMILAR_KEY = "similar", "owner__similar"
_REMARK = "NAMED_STRUCT('outcome', {outcome}, 'column', {column}, 'reason', {reason})"
_IF_ACCEPTED = """,
  CASE WHEN state IN ('orphan', 'new', 'unchanged', 'different') AND {condition}
    THEN {remark} END
"""


def parts(table: Table, origin: Origin) -> dict[str, str]:
    """Return the parts of the statement of remarks on the rows of ``origin``."""
    remarks = (
        _sql.fill(_IF_ACCEPTED, condition=condition, remark=remark)
        for condition, remark in [*_of_meaning(table), *_of_values(table, origin)]
    )
    return _by_state(table) | {"changes": "".join(remarks)}


def _of_meaning(table: Table) -> Iterator[tuple[str, str]]:
    """Yield (condition, remark) for the account and the stored row that a row was matched with,
    and for an account that it may mean."""
    if table is ACCOUNTS:
        only = f"CONCAT('is new, but its key differs from that of account ', {SIMILAR_KEY}, "
        only += f"{_sql.literal(f' only in {DIFFERENCES}')})"
        is_similar = f"state = 'new' AND {SIMILAR_KEY} IS NOT NULL"
        yield is_similar, _remark(SIMILAR, table.key, only)
    if table is not ACCOUNTS:
        owner = quoted(table.owner)
        reason = f"CONCAT('“', {TEAM}, '” is the team of account ', {owner})"
        yield f"{TEAM} IS NOT NULL", _remark("changed", table.owner, reason)
    if table in NATURAL_KEYS:
        labels = " and ".join(table.column(name).label for name in NATURAL_KEYS[table])
        reason = f"'matches the stored {table.singular} with the same {labels}'"
        yield f"meaning = '{MATCHED}'", _remark("changed", table.key, reason)
        reason = f"'may be a stored {table.singular} with the same {labels}, or a new one'"
        is_unclear = f"meaning = '{UNCLEAR}' AND state = 'new'"
        yield is_unclear, _remark("noted", table.key, reason)


def _of_values(table: Table, origin: Origin) -> Iterator[tuple[str, str]]:
    """Yield (condition, remark) for values that cleaning changes or leaves out, and for unknown
    words."""
    for column in filter(origin.has, table.columns):
        value, raw = quoted(column.name), raw_name(column.name)
        if not is_needed(table, column.name):
            condition, why = left_empty(column)
            yield condition, _remark("noted", column.name, _sql.literal(why))
        if column.name not in table.own_names:
            continue
        if column.type == "STRING" and column.kind != "links":
            reason = f"CONCAT('“', {raw}, '” stands for a missing value')"
            is_left_out = f"{value} IS NULL AND {is_missing(column)}"
            yield is_left_out, _remark("changed", column.name, reason)
        if change := _change_in_words(column):
            is_changed = f"{raw} IS NOT NULL AND CAST({value} AS STRING) <> {raw}"
            if column.name == table.owner and table is not ACCOUNTS:
                is_changed += f" AND {TEAM} IS NULL"
            yield is_changed, _remark("changed", column.name, change)
        if column.vocabulary:
            known, _ = _sql.word_array(column)
            reason = f"CONCAT('“', {value}, '” is not one of the known words; kept as it is')"
            is_unknown = f"{value} IS NOT NULL AND NOT ARRAY_CONTAINS({known}, {value})"
            yield is_unknown, _remark("noted", column.name, reason)


def _by_state(table: Table) -> dict[str, str]:
    """Return the remark on a row of each state."""
    match, owner = table.match[-1], table.owner
    only = _sql.literal(f", which differs only in {DIFFERENCES}")
    there = f"COALESCE(CONCAT(', but there is ', {SIMILAR_KEY}, {only}), '')"
    orphan = f"CONCAT('its account ', {quoted(owner)}, ' does not exist', {there})"
    return {
        "refused": _sql.fill(
            _REMARK, outcome="'refused'", column="reason_column", reason="reason"
        ),
        "contradicting": _remark(
            "refused", match, "'has the same key as another row, but different values'"
        ),
        "repeated": _remark("skipped", "", "'repeats another row'"),
        "orphan": _remark("refused", owner, orphan),
        "stale": _remark("skipped", "", "'is older than the stored row; left as it is'"),
        "different": _remark(
            "different", "", "'already exists with different values; left as it is'"
        ),
    }


def _remark(outcome: str, column: str, reason: str) -> str:
    """Return the expression of a remark; ``reason`` is also an expression."""
    return _sql.fill(
        _REMARK, outcome=_sql.literal(outcome), column=_sql.literal(column), reason=reason
    )


def _change_in_words(column: Column) -> str | None:
    """Return the expression of a text that says how cleaning changed a value."""
    if column.kind == "links":
        links = f"SIZE(SPLIT({quoted(column.name)}, '\\n'))"
        return f"CONCAT(CAST({links} AS STRING), ' links, one per line')"
    if is_moment(column):
        return "'the time of day was left out'"
    if column.kind == "long_text":
        return None
    value, raw = quoted(column.name), raw_name(column.name)
    changes = [f"CASE WHEN {raw} LIKE '%\\n%' THEN 'line breaks became spaces' END"]
    if column.not_null:
        removed = "'invisible characters were removed'"
        changes.append(f"CASE WHEN {raw} RLIKE '{INVISIBLE_SIGN}' THEN {removed} END")
    if column.vocabulary:
        word = f"CONCAT('“', {raw}, '” was read as “', {value}, '”')"
        changes.append(f"CASE WHEN {one_line(column)} <> {value} THEN {word} END")
    return f"CONCAT_WS('; ', {', '.join(changes)})"
