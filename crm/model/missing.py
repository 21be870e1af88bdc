"""Values that say that there is no value, as programs and people write them."""

from __future__ import annotations

import math
from typing import Any

from . import vocabulary
from .characters import visible
from .schema import Column

# How programs write what a database has as NULL: MySQL, Hive, DBeaver, SQL Server and others.
_NULLS = ("\\N", "(null)", "(NULL)", "[null]", "[NULL]", "<null>", "<NULL>", "{null}", "{NULL}")
# Texts, in lower case, that programs write for a missing key, date or link.
NO_VALUE = (
    *("nan", "nat", "none", "null", "<na>", "n/a", "[]", "{}", "-"),
    *dict.fromkeys(text.lower() for text in _NULLS),
)
# What people write besides where a status or another known word is missing.
NO_WORD = ("na", "n.a.", "k.a.", "--", "–", "—", "?")
# Texts that pandas and others write for any missing value, exactly so: Nan is also a name.
FOR_ANY = ("nan", "NaN", "NaT", "<NA>", "None", *_NULLS)


def is_empty(raw: Any) -> bool:
    return (
        raw is None
        or raw == []
        or (isinstance(raw, str) and raw.strip() == "")
        or (isinstance(raw, float) and math.isnan(raw))
    )


def is_no_value(raw: Any) -> bool:
    """Return whether a cell that holds no text is empty, or says so."""
    return is_empty(raw) or str(raw).strip().lower() in NO_VALUE


def is_no_word(raw: Any) -> bool:
    """Return whether a cell that should have a known word is empty, or says so."""
    return is_no_value(raw) or str(raw).strip().lower() in NO_WORD


def is_missing(column: Column, raw: Any) -> bool:
    """Return whether a value of a column of texts stands for a missing one. A known word may be
    meant, and a long text may have to tell of nothing."""
    text = str(raw).strip()
    if column.vocabulary:
        known = vocabulary.words(column.vocabulary)
        return is_no_word(visible(text)) and (
            vocabulary.word_like(column.vocabulary, text) not in known
        )
    if column.not_null:
        return is_no_value(visible(text))
    if not isinstance(raw, str) or (column.kind == "long_text" and text == "None"):
        return False
    return text in FOR_ANY
