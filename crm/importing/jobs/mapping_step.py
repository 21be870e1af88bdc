"""The step between upload and preview: how each file is read, where a person has to choose."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crm.importing import dates, sources
from crm.importing.headings import LEFT_OUT, OF_OTHER_TABLES
from crm.importing.mapping.chosen import SheetMapping, SourceMapping, sheet_name
from crm.importing.mapping.survey import PartSurvey
from crm.importing.readers import own_export
from crm.model.schema import TABLE_BY_NAME
from crm.repository.transfer import import_mappings
from crm.warehouse import Warehouse

from .survey_source import survey


def read(
    wh: Warehouse,
    file: Path,
    mapping: SourceMapping,
    progress: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> tuple[list[PartSurvey], SourceMapping]:
    """Return what the file holds, and the mapping with what is kept for the same headings.

    Our own JSON export has nothing to choose. Raises ImportingError and WarehouseError.
    """
    if own_export.is_own_export(file):
        return [], mapping
    with sources.opened(file, mapping, needs_rows=False) as source:
        parts = survey(source, progress, should_stop)
    # A JSON file that is read as another table has other parts.
    names = {sheet_name(part.file, part.sheet) for part in parts}
    sheets = {name: each for name, each in mapping.sheets.items() if name in names}
    mapping = _with_kept(wh, parts, replace(mapping, sheets=sheets))
    is_nothing = is_all_left_out(parts, mapping)
    for part in parts:
        part.is_asked = is_nothing or part.is_open(complete(part, mapping))
    return parts, mapping


def is_all_left_out(parts: Iterable[PartSurvey], mapping: SourceMapping) -> bool:
    return all(complete(part, mapping).table == LEFT_OUT for part in parts)


def complete(part: PartSurvey, mapping: SourceMapping) -> SheetMapping:
    """Return how a part is read: as a person chose, else as it looks."""
    return part.complete(mapping.of(part.file, part.sheet))


def keep(
    wh: Warehouse, parts: Sequence[PartSurvey], mapping: SourceMapping
) -> list[dict[str, Any]]:
    """Keep what was chosen, for files with the same headings. One statement. Returns the parts as
    JSON: they are read as was chosen now, not as was kept before."""
    chosen = {
        _id(part): json.dumps(asdict(replace(complete(part, mapping), encoding="")))
        for part in parts
        if part.headings
    }
    if chosen:
        import_mappings.keep(wh, chosen)
    return [asdict(replace(part, kept_by="", kept_at="")) for part in parts]


@dataclass(frozen=True)
class KeptMapping:
    """A mapping that is kept, to be shown. Without a table, no file is read by it any more."""

    kept: import_mappings.Kept
    mapping: SheetMapping


def list_kept(wh: Warehouse, most: int) -> list[KeptMapping]:
    """Return what is kept, the latest first. One statement. Raises WarehouseError."""
    return [
        KeptMapping(each, _sheet_mapping(each.mapping) or SheetMapping())
        for each in import_mappings.list_kept(wh, most)
    ]


def _with_kept(wh: Warehouse, parts: list[PartSurvey], mapping: SourceMapping) -> SourceMapping:
    """Add the kept mappings of parts without a chosen one. One statement, or none."""
    new = [part for part in parts if not mapping.key(part.file, part.sheet)]
    kept = import_mappings.read(wh, map(_id, new)) if new else {}
    sheets = dict(mapping.sheets)
    for part in new:
        of_part = kept.get(_id(part))
        found = _sheet_mapping(of_part.mapping) if of_part else None
        tables = [part.guess] if part.is_fixed else TABLE_BY_NAME
        if not found or found.table not in (*tables, LEFT_OUT):
            found = SheetMapping()  # else a mapping of a file with the same name would hold
        elif of_part and found != SheetMapping():
            part.kept_by, part.kept_at = of_part.person, str(of_part.updated_at or "")
        if part.shows_other_order(part.complete(found)):
            found = replace(found, date_order="")
        sheets[sheet_name(part.file, part.sheet)] = found
    return replace(mapping, sheets=sheets)


def _sheet_mapping(text: str) -> SheetMapping | None:
    """Return a kept mapping, or None where it is none or names what no longer exists."""
    try:
        found = SheetMapping(**json.loads(text))
        ZoneInfo(found.zone or "UTC")
        table = TABLE_BY_NAME.get(found.table)
        names = (*(table.names if table else ()), LEFT_OUT)
        is_known = all(c in names or c.startswith(OF_OTHER_TABLES) for c in found.columns.values())
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return None
    is_known = is_known and found.date_order in ("", *dates.ORDERS, LEFT_OUT)
    # A file shows its encoding; none is kept.
    return replace(found, encoding="") if is_known else None


def _id(part: PartSurvey) -> str:
    words = sorted({heading.word for heading in part.headings})
    return hashlib.sha256("\n".join(words).encode()).hexdigest()
