"""SQL that cleans another table's rows, as crm/importing/cleaning.py cleans those of files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from crm.model import vocabulary
from crm.model.characters import BLANKS, INVISIBLE
from crm.model.missing import FOR_ANY, NO_VALUE, NO_WORD
from crm.model.namespace import Namespace, quoted
from crm.model.schema import ACCOUNTS, RESERVED_BSNID, Column, Table
from crm.repository import _made_ids, _sql

# Parts of regular expressions, for SQL literals.
_NOT_IN_KEYS = r"[/\\x00-\\x1f]"
_BLANK = f"[{_sql.pattern(BLANKS)}]"
INVISIBLE_SIGN = f"[{_sql.pattern(INVISIBLE)}]"
_AROUND_LINKS = r"[ ,;\\t\\r\\n]"
_ISO = r"^\\d{4}-\\d{2}-\\d{2}([T ].*)?$"

_TEXTS = "SELECT {texts} FROM {origin} AS s"
_SELECTED = "SELECT {columns} FROM ({rows}) AS r"
_WITH_IDS = """
SELECT COALESCE(id, {made_id}) AS id, {raw_id}, {others}
FROM (SELECT *, {hash} AS id__hash FROM ({rows}) AS r) AS i
"""


@dataclass(frozen=True)
class Origin:
    """A table to be copied.

    :param columns: by our column, the name and the type of the origin's column.
    """

    namespace: Namespace
    name: str
    columns: dict[str, tuple[str, str]]

    @property
    def quoted(self) -> str:
        return f"{self.namespace.quoted_schema}.{quoted(self.name)}"

    @property
    def full_name(self) -> str:
        return f"{self.namespace.catalog}.{self.namespace.schema}.{self.name}"

    def has(self, column: Column) -> bool:
        return column.name in self.columns


def clean_rows(
    table: Table,
    origin: Origin,
    named: Callable[[str], str] = str,
    more: Sequence[str] = (),
    only: Collection[str] = (),
) -> str:
    """Return the query of the origin's cleaned rows, with ``only`` these columns if it names any.
    For each column it also has the raw text, named by ``raw_name``. ``named`` changes the query
    before ids are computed, and adds the columns ``more``."""
    columns = [column for column in table.columns if not only or column.name in only]
    # Nested queries, so that each raw text, line and value is computed once.
    values = ", ".join(
        f"{_value(column, origin)} AS {quoted(column.name)}, {raw_name(column.name)}"
        for column in columns
    )
    rows = _sql.fill(_SELECTED, columns=values, rows=_with_lines(columns, origin))
    fitting = ", ".join(f"{_fitting(table, c, origin)}, {raw_name(c.name)}" for c in columns)
    rows = named(_sql.fill(_SELECTED, columns=fitting, rows=rows))
    return rows if table is ACCOUNTS else _with_ids(table, rows, more)


def _with_lines(columns: Sequence[Column], origin: Origin) -> str:
    """Return the query of the origin's texts, with the lines of words, which are named often."""
    texts = [f"{_raw(column, origin)} AS {raw_name(column.name)}" for column in columns]
    for column in columns:
        if column.kind == "links":
            texts.append(f"{_text(column, origin)} AS {_text_name(column.name)}")
    rows = _sql.fill(_TEXTS, texts=", ".join(texts), origin=origin.quoted)
    words = [column for column in columns if column.vocabulary]
    lines = (f"{one_line(column)} AS {_line_name(column.name)}" for column in words)
    return _sql.fill(_SELECTED, columns=", ".join(["*", *lines]), rows=rows) if words else rows


def _with_ids(table: Table, rows: str, more: Sequence[str]) -> str:
    names = (name for name in table.names if name != "id")
    return _sql.fill(
        _WITH_IDS,
        made_id=_made_ids.uuid("id__hash"),
        raw_id=raw_name("id"),
        others=", ".join([*(f"{quoted(name)}, {raw_name(name)}" for name in names), *more]),
        hash=_made_ids.hash_of(table),
        rows=rows,
    )


def raw_name(name: str) -> str:
    """Return the quoted name of the column with the origin's raw text."""
    return quoted(f"{name}__raw")


def _text_name(name: str) -> str:
    return quoted(f"{name}__text")


def _line_name(name: str) -> str:
    return quoted(f"{name}__line")


def _text(column: Column, origin: Origin) -> str:
    if not origin.has(column):
        return "CAST(NULL AS STRING)"
    source, type_ = origin.columns[column.name]
    value = f"s.{quoted(source)}"
    if type_.upper().startswith("ARRAY"):
        value = f"ARRAY_JOIN({value}, '\\n')"
    return f"CAST({value} AS STRING)"


def _raw(column: Column, origin: Origin) -> str:
    """Return the expression of the stripped text; NULL if it is empty."""
    if not origin.has(column):
        return "CAST(NULL AS STRING)"
    text = _replace(_text(column, origin), r"\\r\\n?", r"\n")
    if column.kind != "links" and not is_moment(column):
        text = _replace(text, r"\\x00", "")
    return f"NULLIF({_stripped(text)}, '')"


def _stripped(text: str) -> str:
    return _replace(text, f"^{_BLANK}+|{_BLANK}+$", "")


def word_params(table: Table) -> dict[str, str]:
    """Return the parameters of the queries that ``clean_rows`` returns."""
    params: dict[str, str] = {}
    for column in table.columns:
        if column.vocabulary:
            params |= _sql.word_array(column)[1] | _joined_words(column)[1]
    return params


def _joined_words(column: Column) -> tuple[str, dict[str, str]]:
    words = vocabulary.words(column.vocabulary)
    return _sql.text_array(f"joined_{column.vocabulary}", map(vocabulary.joined, words))


def _word_like(column: Column, text: str) -> str:
    """Return the expression of ``vocabulary.word_like``, which here takes no marks before a word;
    NULL where no word is like the text."""
    known, (joined, _) = _sql.word_array(column)[0], _joined_words(column)
    form = _replace(f"LOWER({text})", f"[{_sql.pattern(vocabulary.SEPARATORS)}]", "")
    place = f"NULLIF(CAST(ARRAY_POSITION({joined}, {form}) AS INT), 0)"
    like = f"ELEMENT_AT({known}, {place})"
    return f"CASE WHEN ARRAY_CONTAINS({known}, {text}) THEN {text} ELSE {like} END"


def is_missing(column: Column) -> str:
    """Return the condition that the raw text stands for a missing value."""
    raw = raw_name(column.name)
    if column.vocabulary or column.not_null:
        texts = (*NO_VALUE, *NO_WORD) if column.vocabulary else NO_VALUE
        return f"LOWER({_visible(raw)}) IN ({_sql.texts(texts)})"
    if column.type != "STRING" or column.kind == "links":
        return f"LOWER({raw}) IN ({_sql.texts(NO_VALUE)})"
    for_any = [text for text in FOR_ANY if column.kind != "long_text" or text != "None"]
    return f"{raw} IN ({_sql.texts(for_any)})"


def _visible(text: str) -> str:
    return _stripped(_replace(text, INVISIBLE_SIGN, ""))


def _value(column: Column, origin: Origin) -> str:
    if not origin.has(column):
        return f"CAST(NULL AS {column.type})"
    raw = raw_name(column.name)
    if column.type == "TIMESTAMP":
        return f"CASE WHEN {raw} RLIKE '{_ISO}' THEN TRY_CAST({raw} AS TIMESTAMP) END"
    if column.type == "DATE":
        is_moment = f"{raw} RLIKE '{_ISO}' AND TRY_CAST({raw} AS TIMESTAMP) IS NOT NULL"
        return f"CASE WHEN {is_moment} THEN TRY_CAST(SUBSTRING({raw}, 1, 10) AS DATE) END"
    is_value = f"NOT {is_missing(column)}"
    if column.kind == "links":
        return f"CASE WHEN {raw} <> '' AND {is_value} THEN {_links(_text_name(column.name))} END"
    if column.kind == "long_text":
        return f"CASE WHEN {is_value} THEN {raw} END"
    text = _line_name(column.name) if column.vocabulary else one_line(column)
    if column.not_null:
        text = f"NULLIF({_visible(text)}, '')"
    value = f"CASE WHEN {is_value} THEN {text} END"
    return f"COALESCE({_word_like(column, text)}, {value})" if column.vocabulary else value


def one_line(column: Column) -> str:
    """Return the expression of the raw text with its lines joined."""
    return _replace(raw_name(column.name), rf"{_BLANK}*\\n{_BLANK}*", " ")


def _links(text: str) -> str:
    """Return the expression for the links of a text, each once, one per line."""
    between = rf"{_BLANK}*\\n{_BLANK}*|{_BLANK}*[,;]{_BLANK}*(https?://)|{_BLANK}+(https?://)"
    lines = _replace(text, f"(?i){between}", r"\n$1$2")
    lines = _replace(lines, rf"{_AROUND_LINKS}*\\n{_AROUND_LINKS}*", r"\n")
    lines = _replace(lines, f"^{_AROUND_LINKS}+|{_AROUND_LINKS}+$", "")
    return f"NULLIF(ARRAY_JOIN(ARRAY_DISTINCT(SPLIT({lines}, '\\n')), '\\n'), '')"


def _replace(text: str, pattern: str, by: str) -> str:
    return f"REGEXP_REPLACE({text}, '{pattern}', '{by}')"


def is_moment(column: Column) -> bool:
    return column.type in ("DATE", "TIMESTAMP")


def is_needed(table: Table, name: str) -> bool:
    """Return whether a bad value in this column refuses the row, because it identifies the row."""
    return name in (table.key, table.owner, *table.match)


def _fitting(table: Table, column: Column, origin: Origin) -> str:
    """Return the expression of the value; in an optional column, NULL instead of a too long
    text."""
    name = quoted(column.name)
    if not origin.has(column) or is_moment(column) or is_needed(table, column.name):
        return name
    return f"CASE WHEN LENGTH({name}) <= {column.max_length} THEN {name} END AS {name}"


def left_empty(column: Column) -> tuple[str, str]:
    """Return the condition that a value was left out, and the text of the reason."""
    name, raw = quoted(column.name), raw_name(column.name)
    if is_moment(column):
        reason = f"{column.label} is not a date; it should read like 2025-06-27; left empty"
        return f"{name} IS NULL AND {raw} IS NOT NULL AND NOT {is_missing(column)}", reason
    reason = f"{column.label} is too long; at most {column.max_length:,} characters fit"
    return f"{name} IS NULL AND LENGTH({raw}) > {column.max_length}", f"{reason}; left empty"


def refused_column(table: Table) -> str:
    """Return the expression of the bad column's name in a refused row; NULL for other rows."""
    return _first_refusal((bad, name) for name, bad, _ in _refusals(table))


def refused_reason(table: Table) -> str:
    """Return the expression of the reason of a refused row; NULL for other rows."""
    return _first_refusal((bad, reason) for _, bad, reason in _refusals(table))


def _first_refusal(cases: Iterator[tuple[str, str]]) -> str:
    whens = (f"WHEN {bad} THEN {_sql.literal(text)}" for bad, text in cases)
    return f"CASE {' '.join(whens)} END"


def _refusals(table: Table) -> Iterator[tuple[str, str, str]]:
    """Yield column, condition and reason."""
    required = dict.fromkeys([table.owner, *table.match])
    for name in required:
        yield name, f"{quoted(name)} IS NULL", f"{table.column(name).label} is missing"
    for name in dict.fromkeys([table.owner, table.key]):
        bad = f"{quoted(name)} RLIKE '{_NOT_IN_KEYS}' OR {quoted(name)} IN ('.', '..')"
        if name == ACCOUNTS.key:
            bad += f" OR LOWER({quoted(name)}) = '{RESERVED_BSNID}'"
        label = table.column(name).label
        yield name, bad, f"{label} cannot be used: no address can hold it"
    for column in table.columns:
        if is_needed(table, column.name):
            bad = f"LENGTH({quoted(column.name)}) > {column.max_length}"
            reason = f"{column.label} is too long; at most {column.max_length:,} characters fit"
            yield column.name, bad, reason
