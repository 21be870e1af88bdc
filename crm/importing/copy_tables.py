"""Imports the earlier version's tables from elsewhere in Unity Catalog.

The warehouse itself copies the rows. It compares all tables before it writes the first one, so
``strict`` and ``on_conflict=fail`` need no second pass. It verifies each table after writing it.
An import is safe to run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import operations, summaries
from crm.repository.operations import Operation
from crm.repository.steps import noted
from crm.repository.tables import privileges
from crm.repository.transfer import copy_tables, upsert
from crm.repository.transfer._clean import Origin
from crm.repository.transfer._copy_remarks import SIMILAR
from crm.repository.transfer.copy_tables import Copy
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED
from crm.warehouse import Warehouse

from .errors import ImportingError, SourceError
from .findings import NOTED, SKIPPED, Findings, Place
from .headings import columns_of, table_of
from .importer import UPDATE, Options, require_allowed
from .planning import MEANWHILE, require_open_keys
from .results import TableResult
from .rows import CLEAR
from .stale import STALE


def _say_nothing(text: str) -> None:
    pass


def run(
    wh: Warehouse,
    where: Namespace,
    options: Options,
    findings: Findings,
    say: Callable[[str], None] = _say_nothing,
    *,
    accepts_doubts: bool = False,
) -> list[TableResult]:
    """Import the tables at ``where``. Calls ``say`` with what it begins to do.

    Raises ImportingError before anything is written, as importer.run does, and where it is not
    clear what a row means, unless that is accepted.
    """
    origins = _origins(wh, where, options, findings)
    operation = operations.of_many(wh, operations.COPY)
    require_open_keys(operation)
    since, doubts, clears = upsert.moment(wh), list[str](), options.empty == CLEAR
    copies = {
        table: Copy(wh, table, origin, origins.get(ACCOUNTS), operation, since, clears=clears)
        for table, origin in origins.items()
    }
    results = []
    for table, copy in copies.items():
        say(f"Comparing {table.plural}")
        result = TableResult(table)
        doubts += _compare(copy, result, options)
        doubts += _doubt(table, _add_remarks(copy, table, origins[table], options, findings))
        _note_masked(operation, table, origins[table], findings)
        results.append(result)
    if not options.dry_run:
        require_allowed(results, options, findings)
        _require_clear([] if accepts_doubts else doubts)
        with noted(wh, operation, lambda: _summary(results, where)):
            for result in results:
                say(f"Copying {result.table.plural}")
                _write(copies[result.table], result, options)
                _add_changed_by_others(copies[result.table], result, origins, findings)
                findings.verdict(result.table.name, result.verified, result.verdict)
    return results


def _compare(copy: Copy, result: TableResult, options: Options) -> list[str]:
    """Count the rows by what they are before the import; return what is not clear."""
    states = copy.states()
    result.states.update(states.counts)
    result.stale = result.states[STALE]
    if options.on_conflict != UPDATE:
        result.states[DIFFERENT] += result.states.pop(STALE, 0)
    return _doubt(result.table, states.unclear)


def _doubt(table: Table, count: int) -> list[str]:
    return [f"{count:,} of its {table.plural} may be stored ones, or new"] if count else []


def _require_clear(doubts: list[str]) -> None:
    if doubts:
        raise ImportingError(
            f"Nothing was imported: {' and '.join(doubts)}; see above. --accept-doubts adds them "
            "as new ones."
        )


def _summary(results: list[TableResult], where: Namespace) -> str:
    rows = sum(each.written for each in results)
    return summaries.imported(rows, f"{where.catalog}.{where.schema}")


def _origins(
    wh: Warehouse, where: Namespace, options: Options, findings: Findings
) -> dict[Table, Origin]:
    """Find the tables that are named like ours, accounts first. Raises SourceError if there are
    none."""
    found: dict[Table, Origin] = {}
    masked = privileges.masked_in(wh, where)
    place = f"{where.catalog}.{where.schema}"
    for name, types in copy_tables.columns(wh, where).items():
        if where.prefix and not name.lower().startswith(where.prefix.lower()):
            continue
        table = table_of(name, where.prefix)
        if table is None or table in found:
            reason = (
                "is not named after a table"
                if table is None
                else "another table of that name was found"
            )
            findings.add(SKIPPED, "", Place(f"{place}.{name}"), reason)
            continue
        source = Place(f"{place}.{name}")
        hidden = {each for each in types if (name.lower(), each.lower()) in masked}
        columns = _columns(table, types, hidden, source, options, findings)
        found[table] = Origin(where, name, columns)
    if not found:
        raise SourceError(
            f"Nothing to import in {place}: no table there is named {where.prefix}accounts, "
            f"{where.prefix}platforms_status, {where.prefix}use_cases or {where.prefix}updates, "
            "or you are not allowed to see them."
        )
    if any(origin.quoted == wh.namespace.table(table) for table, origin in found.items()):
        raise SourceError(f"{place} holds the CRM’s own tables; choose another source.")
    return {table: found[table] for table in TABLES if table in found}


def _columns(
    table: Table,
    types: Mapping[str, str],
    masked: Collection[str],
    place: Place,
    options: Options,
    findings: Findings,
) -> dict[str, tuple[str, str]]:
    """Return the column and its type there for each column of ours, without ``masked`` ones."""
    chosen = columns_of(table, types, options.mapping.everywhere.columns)
    for column in types.keys() - chosen.keys():
        reason = f"“{column}” is not a column of {table.plural}; not imported"
        findings.add(SKIPPED, table.name, place, reason, column)
    hidden = {theirs: ours for theirs, ours in chosen.items() if theirs in masked}
    _refuse_masked_keys(table, hidden.values())
    for column in hidden:
        reason = "masked by a policy; not imported"
        findings.add(NOTED, table.name, place, reason, column)
    shown = chosen.keys() - hidden.keys()
    return {ours: (theirs, types[theirs]) for theirs, ours in chosen.items() if theirs in shown}


def _refuse_masked_keys(table: Table, masked: Iterable[str]) -> None:
    """Raise ImportingError if one of these columns of the source says which rows are meant."""
    if keys := {table.key, table.owner, *table.match}.intersection(masked):
        labels = ", ".join(table.column(name).label for name in sorted(keys))
        raise ImportingError(
            f"A policy masks {labels} of {table.plural} in the source, so rows cannot be matched. "
            "Nothing was imported."
        )


def _add_remarks(
    copy: Copy, table: Table, origin: Origin, options: Options, findings: Findings
) -> int:
    """Report the remarks; return how many new accounts nearly equal others."""
    similar = 0
    for remark in copy.remarks():
        outcome = remark.outcome
        if outcome == SIMILAR:
            similar += 1
            outcome = NOTED
        if outcome == DIFFERENT:
            if options.on_conflict == UPDATE:
                continue
            outcome = SKIPPED
        place = Place(origin.full_name, row=remark.key or "(no key)")
        findings.add(outcome, table.name, place, remark.reason, remark.column)
    return similar


def _note_masked(operation: Operation, table: Table, origin: Origin, findings: Findings) -> None:
    for name in sorted(operation.masked(table) & origin.columns.keys()):
        reason = "masked by a policy; not imported"
        findings.add(NOTED, table.name, Place(origin.full_name), reason, name)


def _add_changed_by_others(
    copy: Copy, result: TableResult, origins: dict[Table, Origin], findings: Findings
) -> None:
    """Report the rows that others changed while this was at work, where the counts show any."""
    if result.found == result.checked:
        return
    origin = origins[result.table].full_name
    for key in copy.changed_by_others():
        result.states[MEANWHILE] += 1
        result.checked -= 1
        reason = "somebody changed it here while the import ran; it stays as they left it"
        findings.add(SKIPPED, result.table.name, Place(origin, row=key), reason)


def _write(copy: Copy, result: TableResult, options: Options) -> None:
    """Write the table and verify it: only rows that differed before and were left as they are may
    still differ."""
    states, overwrite = result.states, options.on_conflict == UPDATE
    if expected := states[NEW] + (states[DIFFERENT] if overwrite else 0):
        result.written = copy.upsert(expected, overwrite=overwrite)
    sums = copy.checksums()
    left = 0 if overwrite else states[DIFFERENT]
    result.checked = states[NEW] + states[UNCHANGED] + states[DIFFERENT] - left
    result.found = sums.found - sums.different
    result.compare(sums.source, sums.warehouse)
