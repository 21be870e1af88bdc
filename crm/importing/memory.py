"""Remembers what an import has read of one row that another row needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crm.model.schema import ACCOUNTS, PLATFORMS_STATUS, USE_CASES, Table
from crm.repository.transfer.matching.fold import fold
from crm.repository.transfer.matching.natural_keys import folded_key, match_key, natural_key
from crm.repository.transfer.matching.stored_teams import team_key
from crm.repository.transfer.seen_keys import Earlier, SeenKeys

Row = Mapping[str, str | None]


class Memory:
    def __init__(self) -> None:
        self._seen = SeenKeys()
        self._has_conditions = self._has_times = False

    def add(self, table: Table, row: Row, place: str) -> Earlier | None:
        """Note the row's key and values; return where its key came before."""
        content = repr([row[name] for name in table.own_names])
        return self._seen.add(table.name, _key(table, row), content, place)

    def add_folded(self, bsnid: str, place: str) -> Earlier | None:
        """Note a BSNID; return where one came before that differs only as ``fold`` allows."""
        return self._seen.add("accounts, folded", fold(bsnid), bsnid, place)

    def similar_keys(self, keys: Iterable[str]) -> dict[str, str]:
        """Map given BSNIDs to that of an account that was noted, if it differs only as ``fold``
        allows."""
        noted = {key: self._seen.notes("accounts, folded", fold(key)) for key in keys}
        return {key: min(found) for key, found in noted.items() if found and key not in found}

    def has(self, table: Table, key: str) -> bool:
        """Return whether a row was read whose key, as in ``Table.match``, is this one column."""
        return self._seen.has(table.name, key)

    def note_match(self, table: Table, id: str, place: str) -> None:
        """Note that the row at this place is the stored one with this id."""
        self._seen.add(f"{table.name}, matched", id, "", place)

    def is_matched(self, table: Table, id: str) -> bool:
        """Return whether a row without an id was matched to the stored one with this id."""
        return self._seen.has(f"{table.name}, matched", id)

    def note_account(self, account: Row) -> None:
        """Note the BSNID and the team of an account that the source adds, or has as stored."""
        bsnid = account[ACCOUNTS.key] or ""
        self._seen.note("accounts, folded", fold(bsnid), bsnid)
        if account["team"]:
            self._seen.note("team", team_key(account["team"]), bsnid)

    def accounts_of_team(self, team: str) -> set[str]:
        """Return the BSNIDs of the source's accounts that have a team of this name."""
        return set(self._seen.notes("team", team_key(team)))

    def note_partner(self, account: Row) -> None:
        bsnid, partner = account[ACCOUNTS.key], account["primary_it_partner"]
        if bsnid and partner:
            self._seen.note("partner", bsnid, partner)

    def partners_of(self, bsnid: str) -> list[str]:
        """Return the IT partners that a table of partners has of this account."""
        return self._seen.notes("partner", bsnid)

    def note_use_case(self, use_case: Row) -> None:
        self._seen.add("use cases", _natural_key(use_case), "", "")

    def has_use_case(self, use_case: Row) -> bool:
        """Return whether the source has a use case of this account and problem."""
        return self._seen.has("use cases", _natural_key(use_case))

    def note_since(self, status: Row, since: str) -> None:
        """Note since when a platform has its status, by the account."""
        self._has_times = True
        self._seen.note("since", _key(PLATFORMS_STATUS, status), since)

    def since_of(self, status: Row) -> str:
        if not self._has_times:
            return ""
        return next(iter(self._seen.notes("since", _key(PLATFORMS_STATUS, status))), "")

    def has_since(self, table: Table, row: Row) -> bool:
        """Return whether the row has the time that its account has for it."""
        return table is PLATFORMS_STATUS and bool(self.since_of(row))

    def note_condition(self, table: Table, row: Row, reason: str) -> None:
        """Note that the row changes what is stored, but is not added; ``reason`` says why."""
        self._has_conditions = True
        self._seen.note(f"{table.name}, if stored", _key(table, row), reason)

    def why_not_added(self, table: Table, row: Row) -> str | None:
        """Return why the row is not added, an empty text where that needs no reason; None if it
        is."""
        if not self._has_conditions:
            return None
        return next(iter(self._seen.notes(f"{table.name}, if stored", _key(table, row))), None)


def _natural_key(use_case: Row) -> str:
    return "\x1f".join(folded_key(USE_CASES, natural_key(USE_CASES, use_case)))


def _key(table: Table, row: Row) -> str:
    return "\x1f".join(match_key(table, row))
