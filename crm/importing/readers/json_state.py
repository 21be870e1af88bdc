"""JSON files: the legacy app's session state, our own exports, or the records of one table.

In a state ``accounts``, ``use_cases`` and ``updates`` hold records in any shape of json_shapes. An
account holds its platforms' statuses, and its children or lists of their ids; the lists name the
account of a child that does not name it itself. All other keys are reported as not imported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ijson

from crm.importing.errors import NotJson, SourceError
from crm.importing.findings import NOTED
from crm.importing.headings import (
    is_partners,
    normal,
    table_key,
    table_of_file,
    table_with_headings,
)
from crm.importing.raw_rows import RawRow, Remark, Rows
from crm.model.missing import is_empty
from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, TABLE_BY_NAME, UPDATES, USE_CASES, Table

from . import json_shapes
from .encoding import Encoding
from .json_children import Record, children, kind_of, not_a_record, owners, refused, value_of
from .json_outline import WORDS, Node, outlines
from .json_shapes import KEYED, Section
from .json_text import JsonText, as_id

_AREAS, _PARTNERS = "business_areas", "primary_it_partners"
# Keys of the legacy app's session, and of our own exports, that hold nothing to import.
_KNOWN = {
    "format",
    "version",
    "platforms",
    "onboarding_statuses",
    "enablement_tiers",
    "sample_data_loaded",
}
# Tables of the earlier app's successor.
_OF_SUCCESSOR = {"platforms_crm": PLATFORMS_STATUS.name}
_OWN_FORMAT = "edip-crm"
_NESTED = {PLATFORMS_STATUS.name, USE_CASES.name, UPDATES.name}


@dataclass
class State:
    """The contents of a JSON file. ``rows`` reads a table's rows when it is called; ``ignored``
    says what is not imported; ``is_own`` means our own export.

    ``is_of_one_table``: the file does not say which table's records it holds. ``guess`` is then
    the table that its name or its keys show, if any, and ``nested`` are the names of the tables
    whose records lie within these. ``headings``: by table, as far as the outline knows them.
    ``lost``: of keys that are no table, how many values their records have of what.
    ``partners``: reads the IT partners of accounts, if the file has them elsewhere.
    """

    rows: dict[Table, Rows] = field(default_factory=dict)
    it_partners: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    is_own: bool = False
    is_of_one_table: bool = False
    guess: Table | None = None
    nested: frozenset[str] = frozenset()
    encoding: Encoding | None = None
    headings: dict[Table, tuple[str, ...]] = field(default_factory=dict)
    lost: dict[str, dict[str, int]] = field(default_factory=dict)
    partners: Rows | None = None


@dataclass
class _File:
    """A JSON file. ``sections`` maps tables to where their records are; ``odd`` lists (table
    name, key, first parser event) of sections that hold no records. ``given``: each table's
    normal headings → columns."""

    text: JsonText
    given: Mapping[str, Mapping[str, str]]
    sections: dict[str, list[Section]] = field(default_factory=dict)
    odd: list[tuple[str, str, str]] = field(default_factory=list)

    def records(self, table: Table) -> Iterator[tuple[str, Any]]:
        for section in self.sections.get(table.name, ()):
            yield from json_shapes.read(self.text, section, table)

    def is_keyed(self, table: Table) -> bool:
        return any(section.shape == KEYED for section in self.sections.get(table.name, ()))

    def accounts(self) -> Iterator[tuple[Any, Record]]:
        """Yield (BSNID, account) of the accounts that are objects."""
        keyed = self.is_keyed(ACCOUNTS)
        for key, account in self.records(ACCOUNTS):
            if isinstance(account, dict):
                bsnid = value_of(ACCOUNTS, ACCOUNTS.key, account, self.given[ACCOUNTS.name])
                yield bsnid or (key if keyed else ""), account


def read(
    path: Path,
    name: str,
    scratch: Path,
    given: Mapping[str, Mapping[str, str]],
    table: Table | None = None,
    encoding: str = "",
) -> State:
    """Read what the file holds. ``given``: by table name, normal heading → column.

    ``table``: whose records the file holds, if it does not say so itself. Raises SourceError if
    it is no JSON, or neither an object nor a list.
    """
    text = JsonText(path, scratch, encoding)
    state = State()
    try:
        with text.open() as file:
            roots = outlines(path.name, file)
        _require_records(path.name, roots)
        found, within = _File(text, given), _unwrap(roots, state)
        if not _one_table(found, roots, name, table, state):
            _state(found, roots[0], state, within)
    except (ijson.JSONError, ValueError) as error:
        raise NotJson(f"{path.name} is not valid JSON: {text.complaint(error)}") from error
    state.encoding = text.encoding
    if text.encoding.remark:
        state.remarks.append(Remark(NOTED, text.encoding.remark))
    has_accounts = ACCOUNTS.name in found.sections
    names = {*found.sections, *(table for table, _, _ in found.odd)}
    state.nested = frozenset(_NESTED - names)
    for table_name, table in TABLE_BY_NAME.items():
        if table_name in names or (has_accounts and table_name in _NESTED):
            state.rows[table] = partial(_rows, found, table)
    return state


def _require_records(name: str, roots: list[Node]) -> None:
    if not roots:
        raise NotJson(f"{name} is not valid JSON: it is empty.")
    if not (roots[0].is_object or roots[0].is_list):
        what = f"{name} holds {WORDS[roots[0].event]}"
        raise SourceError(f"{what}; it should be an object with accounts, use_cases and updates.")
    if len(roots) > 1 and (roots[0].is_list or _is_state(roots[0])):
        what = f"{name} holds several values, one after the other"
        raise SourceError(f"{what}; it should be one object with accounts, use_cases and updates.")


def _unwrap(roots: list[Node], state: State) -> str:
    """Put the object that holds the tables first, and return the beginning of its keys as ijson
    names them: some programs put it under a key of its own, or into a list."""
    root = roots[0]
    inside = [(key, node) for key, node in root.keys if _is_state(node)]
    if root.is_list and len(root.items) == len(roots) == 1 and _is_state(root.items[0]):
        inside = [("item", root.items[0])]
    if len(roots) > 1 or len(inside) != 1 or _is_state(root):
        return ""
    ((within, roots[0]),) = inside
    state.ignored += [f"“{key}” is not imported" for key in root.names if key != within]
    return f"{within}."


def _is_state(node: Node) -> bool:
    """Return whether an object holds tables, of which the accounts are one."""
    of_accounts = [child for key, child in node.keys if table_key(key) == ACCOUNTS.name]
    return any(child.is_object or child.is_list for child in of_accounts)


def _one_table(
    file: _File, roots: list[Node], name: str, chosen: Table | None, state: State
) -> bool:
    """Find the records of a file that holds one table; return False if it is a state."""
    root = roots[0]
    if len(roots) == 1 and root.is_object and ACCOUNTS.name in map(table_key, root.names):
        return False
    section = json_shapes.whole_file(file.text, roots)
    if section is None:
        return False
    headings = json_shapes.headings_of(section, root)
    is_state = any(table_key(key) in TABLE_BY_NAME for key in root.names)
    state.is_of_one_table = bool(chosen) or not is_state
    by_headings = partial(table_with_headings, headings, file.given[ACCOUNTS.name])
    state.guess = table_of_file(Path(name).stem) or by_headings()
    if is_partners(headings):
        state.guess = ACCOUNTS
    table = chosen or state.guess
    if table is None or (section.shape == KEYED and is_state):
        if not is_state and not root.is_object:
            state.ignored.append(
                "holds records, but neither its name nor its keys show of which table"
            )
        return False
    file.sections[table.name] = [section]
    state.headings[table] = _names(section, root)
    if (result := root.get("result")) and result.get("next_chunk_index"):
        state.remarks.append(Remark(NOTED, "holds only a part of a query’s result"))
    return True


def _state(file: _File, root: Node, state: State, within: str = "") -> None:
    for key, node in root.keys:
        place = within + key
        name = _OF_SUCCESSOR.get(normal(key), table_key(key))
        if table := TABLE_BY_NAME.get(name):
            section = json_shapes.section(file.text, place, node, table)
            if section:
                file.sections.setdefault(name, []).append(section)
                state.headings[table] = (*state.headings.get(table, ()), *_names(section, root))
            else:
                file.odd.append((name, key, node.event))
        elif name == _AREAS:
            _read_areas(file.text, place, node.event, state)
        elif name == _PARTNERS and (section := json_shapes.section(file.text, place, node, None)):
            state.partners = partial(_plain_rows, file.text, section)
        elif name not in _KNOWN:
            state.ignored.append(f"“{key}” is not imported")
            _count_lost(file.text, key, node, state, within)
        if key == "format" and node.text == _OWN_FORMAT:
            state.is_own = True


def _names(section: Section, root: Node) -> tuple[str, ...]:
    """Return the keys of records, without those of the records of other tables in them."""
    names = json_shapes.headings_of(section, root)
    return tuple(name for name in names if table_key(name) not in _NESTED)


def _count_lost(text: JsonText, key: str, node: Node, state: State, within: str) -> None:
    """Count the values of records that are of no table of ours."""
    counts: Counter[str] = Counter()
    if section := json_shapes.section(text, within + key, node, None):
        for _, record in json_shapes.read(text, section, ACCOUNTS):
            if isinstance(record, dict):
                counts.update(name for name, value in record.items() if not is_empty(value))
    if counts:
        state.lost[key] = dict(counts)


def _read_areas(text: JsonText, key: str, event: str, state: State) -> None:
    if event == "null":
        return
    if event != "start_map":
        state.ignored.append(f"“{key}” is {WORDS[event]}, not areas with their IT partners")
        return
    with text.open() as file:
        for area, found in ijson.kvitems(file, key):
            partner = text.values(found)
            if isinstance(partner, str):
                state.it_partners |= {area: partner} if partner else {}
            elif partner is not None:
                reason = f"the IT partner of {area} is {kind_of(partner)}, not a text"
                state.ignored.append(reason)


def _rows(file: _File, table: Table) -> Iterator[RawRow]:
    for name, key, event in file.odd:
        if name == table.name and event != "null":
            yield refused("", f"“{key}” is {WORDS[event]}, not records; not imported")
    yield from _section_rows(file, table)
    if table is not ACCOUNTS:
        yield from children(table, file.accounts(), has_others=table.name in file.sections)


def _plain_rows(text: JsonText, section: Section) -> Iterator[RawRow]:
    for key, record in json_shapes.read(text, section, ACCOUNTS):
        if isinstance(record, dict):
            yield RawRow(key, list(record.items()))
        else:
            yield not_a_record(key, record)


def _section_rows(file: _File, table: Table) -> Iterator[RawRow]:
    keyed = file.is_keyed(table)
    given = file.given[table.name]
    owner_of: dict[str, Any] | None = None
    for key, record in file.records(table):
        if not isinstance(record, dict):
            yield not_a_record(key, record)
            continue
        row = dict(record)
        if table is ACCOUNTS:
            row = {k: v for k, v in record.items() if table_key(k) not in _NESTED}
        remarks = []
        own = value_of(table, table.key, row, given)
        if keyed and own is None:
            row[table.key] = key
        elif keyed and as_id(own).strip() != key.strip():
            reason = f"has the key “{key}”, but the id “{as_id(own)}”; the id is used"
            remarks = [Remark(NOTED, reason, table.key)]
        if table.parent_key and value_of(table, table.parent_key, row, given) is None:
            # Most files name the account in the child; this reads all accounts again.
            owner_of = owners(table, file.accounts()) if owner_of is None else owner_of
            row[table.parent_key] = owner_of.get(as_id(value_of(table, table.key, row, given)))
        yield RawRow(key, list(row.items()), remarks)
