"""Finds the accounts of rows that name a team instead of a BSNID."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm.model.made_ids import made_id
from crm.model.schema import Table
from crm.repository.transfer.matching.stored_teams import accounts_of_teams, team_key
from crm.warehouse import Warehouse

from . import cleaning
from .chunks import Chunk
from .errors import Refused
from .findings import CHANGED, Findings
from .reader import Reader
from .rows import has_made_id

_LISTED = 5


@dataclass
class Owners:
    wh: Warehouse
    reader: Reader
    findings: Findings

    def find(
        self, table: Table, chunk: Chunk, numbers: Iterable[int]
    ) -> tuple[list[int], dict[int, str]]:
        """Put BSNIDs in place of the teams' names that these rows have as their account.

        Returns the rows that were changed, and why others are refused. A name that several
        accounts have is none of theirs. At most one statement.
        """
        names = {n: chunk.rows[n][table.parent_key] or "" for n in numbers}
        stored = accounts_of_teams(self.wh, set(names.values())) if names else {}
        changed, refusals = [], {}
        for n, name in names.items():
            found = stored.get(team_key(name), set()) | self.reader.memory.accounts_of_team(name)
            if len(found) == 1:
                self._change(table, chunk, n, found.pop())
                changed.append(n)
            elif found:
                listed = ", ".join(sorted(found)[:_LISTED]) + ", …" * (len(found) > _LISTED)
                refusals[n] = (
                    f"“{name}” is the team of several accounts; write the BSNID: {listed}"
                )
        return changed, refusals

    def _change(self, table: Table, chunk: Chunk, n: int, bsnid: str) -> None:
        reason = f"“{chunk.rows[n][table.parent_key]}” is the team of account {bsnid}"
        self.findings.add(CHANGED, table.name, chunk.places[n], reason, table.parent_key)
        is_made = has_made_id(table, chunk.rows[n])
        chunk.set_values(table, n, {table.parent_key: bsnid})
        if is_made:
            chunk.set_values(table, n, {table.key: made_id(table, chunk.rows[n])})


def problem(table: Table, bsnid: str | None) -> str:
    """Return why no account can have this BSNID; empty if one can."""
    column = table.column(table.owner)
    try:
        cleaning.check_key(column, bsnid)
        cleaning.check_length(column, bsnid)
    except Refused as refused:
        return str(refused)
    return ""
