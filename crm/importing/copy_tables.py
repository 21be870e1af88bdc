"""Tables of the earlier database version, elsewhere in Unity Catalog, copied by the warehouse.

All tables are judged before the first is written to, so that ``strict`` and ``on_conflict=fail``
cost nothing more, and each is verified after it. Safe to run again.
"""

from __future__ import annotations

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository.transfer import copy_tables
from crm.repository.transfer._clean import Origin
from crm.repository.transfer.copy_tables import Copy
from crm.repository.transfer.upsert import DIFFERENT, NEW, UNCHANGED
from crm.warehouse import Warehouse

from .errors import SourceError
from .findings import SKIPPED, Findings, Place
from .headings import columns_of, table_of
from .importer import UPDATE, Options, Outcome, stop_if_unwanted


def run(wh: Warehouse, where: Namespace, options: Options, findings: Findings) -> list[Outcome]:
    """Raises ImportingError before anything is written, as the import of files does."""
    origins = _origins(wh, where, options, findings)
    copies = {
        table: Copy(wh, table, origin, origins.get(ACCOUNTS)) for table, origin in origins.items()
    }
    outcomes = []
    for table, copy in copies.items():
        outcome = Outcome(table)
        outcome.states.update(copy.states())
        _remark(copy, table, origins[table], options, findings)
        outcomes.append(outcome)
    if not options.dry_run:
        stop_if_unwanted(outcomes, options, findings)
        for outcome in outcomes:
            _take_in(copies[outcome.table], outcome, options)
            findings.verdict(outcome.table.name, outcome.verified, outcome.verdict)
    return outcomes


def _origins(
    wh: Warehouse, where: Namespace, options: Options, findings: Findings
) -> dict[Table, Origin]:
    """The tables there that are ours by name, accounts first."""
    found: dict[Table, Origin] = {}
    place = f"{where.catalog}.{where.schema}"
    for name, types in copy_tables.columns(wh, where).items():
        if where.prefix and not name.lower().startswith(where.prefix.lower()):
            continue
        table = table_of(name, where.prefix)
        if table is None or table in found:
            reason = "is named after no table" if table is None else "its table was found already"
            findings.add(SKIPPED, "", Place(f"{place}.{name}"), reason)
            continue
        chosen = columns_of(table, types, options.headings)
        for column in types.keys() - chosen.keys():
            reason = f"“{column}” is no column of {table.plural}; not imported"
            findings.add(SKIPPED, table.name, Place(f"{place}.{name}"), reason, column)
        columns = {ours: (theirs, types[theirs]) for theirs, ours in chosen.items()}
        found[table] = Origin(where, name, columns)
    if not found:
        raise SourceError(
            f"Nothing to import in {place}: no table there is named {where.prefix}accounts, "
            f"{where.prefix}platforms_status, {where.prefix}use_cases or {where.prefix}updates, "
            "or you may not see them."
        )
    if any(origin.quoted == wh.namespace.table(table) for table, origin in found.items()):
        raise SourceError(f"{place} is where the tables are that would be copied to.")
    return {table: found[table] for table in TABLES if table in found}


def _remark(
    copy: Copy, table: Table, origin: Origin, options: Options, findings: Findings
) -> None:
    for remark in copy.remarks():
        outcome = remark.outcome
        if outcome == DIFFERENT:
            if options.on_conflict == UPDATE:
                continue
            outcome = SKIPPED
        place = Place(origin.full_name, row=remark.key or "(no key)")
        findings.add(outcome, table.name, place, remark.reason, remark.column)


def _take_in(copy: Copy, outcome: Outcome, options: Options) -> None:
    """The rows found to differ are afterwards the only ones that do: more would be an error."""
    states, overwrite = outcome.states, options.on_conflict == UPDATE
    if states[NEW] or (overwrite and states[DIFFERENT]):
        outcome.written = copy.upsert(overwrite=overwrite)
    sums = copy.checksums()
    left = 0 if overwrite else states[DIFFERENT]
    outcome.checked = states[NEW] + states[UNCHANGED] + states[DIFFERENT] - left
    outcome.found = sums.found - sums.different
    outcome.compare(sums.source, sums.warehouse)
