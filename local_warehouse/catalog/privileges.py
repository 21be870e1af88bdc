"""Unity Catalog's privileges: who may do what with which securable object.

Grants are kept with the objects (see catalog.py) and are inherited downwards. An owner may do
everything with what is theirs and what is in it, a metastore admin everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .catalog import Catalog
from .identity import Identities
from .securables import (
    ALL,
    APPLICABLE,
    LEVELS,
    MANAGE,
    METASTORE,
    Need,
    Securable,
    Securable_,
    insufficient,
    object_,
)


class Access:
    """What one user may do, looked up anew at every question."""

    def __init__(self, catalog: Catalog, identities: Identities, user: str) -> None:
        self._catalog = catalog
        self._identities = identities
        self.user = user

    @cached_property
    def is_admin(self) -> bool:
        return self._identities.is_admin(self.user)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names under which the user may have been granted something."""
        return (self.user, *self._identities.groups_of(self.user))

    def of(self, user: str) -> Access:
        return Access(self._catalog, self._identities, user)

    # --- questions ---
    def may(self, privilege: str, securable: Securable) -> bool:
        return self.is_admin or any(
            self._owns(found) or self._granted(privilege, found)
            for found in self._chain(securable)
        )

    def owns(self, securable: Securable) -> bool:
        """Whether it is the user's own, by itself or with what it lies in."""
        return self.is_admin or any(self._owns(found) for found in self._chain(securable))

    def sees(self, securable: Securable) -> bool:
        """Whether it shows up in listings: any privilege on it, or on something in it."""
        if self.is_admin:
            return True
        wanted = {*APPLICABLE[securable.kind], "BROWSE"}
        chain = list(self._chain(securable))
        if any(self._owns(found) or self._has_any(wanted, found) for found in chain):
            return True
        return any(self.sees(child) for child in self._children(securable))

    # --- demands ---
    def require(self, privilege: str, securable: Securable) -> None:
        """Raises SqlError (INSUFFICIENT_PERMISSIONS); what it lies in must be usable, too."""
        for level in (*securable.parents, securable):
            if level.kind in LEVELS and (level != securable or privilege.startswith("CREATE")):
                self._demand(f"USE {level.kind}", level)
        self._demand(privilege, securable)

    def require_use(self, securable: Securable) -> None:
        """Require that what it lies in may be used, as far as that exists."""
        for level in securable.parents:
            if find(self._catalog, level) is None:
                return
            self._demand(f"USE {level.kind}", level)

    def require_sight(self, securable: Securable) -> None:
        """Require that it shows up in listings."""
        self.require_use(securable)
        if not self.sees(securable):
            privilege = f"USE {securable.kind}" if securable.kind in LEVELS else "SELECT"
            raise insufficient(privilege, securable)

    def meet(self, needs: tuple[Need, ...]) -> None:
        """Raises SqlError unless all is still as a prepared statement needs it."""
        for need in needs:
            if need.definer is not None:
                self.of(need.definer).require(need.privilege, need.securable)
            elif not self.is_admin:
                self.require(need.privilege, need.securable)

    def _demand(self, privilege: str, securable: Securable) -> None:
        if not self.may(privilege, securable):
            raise insufficient(privilege, securable)

    # --- the catalog ---
    def _owns(self, found: Securable_) -> bool:
        return found.owner in self.names

    def _granted(self, privilege: str, found: Securable_) -> bool:
        wanted = {privilege} if privilege == MANAGE else {privilege, ALL}
        return self._has_any(wanted, found)

    def _has_any(self, wanted: set[str], found: Securable_) -> bool:
        grants = found.grants
        return any(not wanted.isdisjoint(grants[name]) for name in self.names if name in grants)

    def _chain(self, securable: Securable) -> Iterator[Securable_]:
        """The object and what it lies in, as far as they exist."""
        if securable == METASTORE:
            yield self._catalog.metastore
            return
        for level in (*securable.parents, securable):
            found = find(self._catalog, level)
            if found is None:
                return
            yield found

    def _children(self, securable: Securable) -> Iterator[Securable]:
        found = find(self._catalog, securable)
        if securable.kind == "CATALOG":
            for name in list(found.schemas):
                yield Securable("SCHEMA", (*securable.path, name))
        elif securable.kind == "SCHEMA":
            for each in [*found.tables.values(), *found.functions.values()]:
                yield object_(each)


def find(catalog: Catalog, securable: Securable) -> Securable_ | None:
    if securable == METASTORE:
        return catalog.metastore
    found = catalog.catalogs.get(securable.path[0])
    if found is None or len(securable.path) == 1:
        return found
    found = found.schemas.get(securable.path[1])
    if found is None or len(securable.path) == 2:
        return found
    objects = found.functions if securable.kind == "FUNCTION" else found.tables
    return objects.get(securable.path[2])


@dataclass(frozen=True)
class Grant:
    """One privilege of one principal, and where it was granted."""

    principal: str
    privilege: str
    securable: Securable
    grantor: str


def grants_on(catalog: Catalog, securable: Securable) -> Iterator[Grant]:
    """Those on the object itself, then those inherited."""
    levels = [securable, *reversed(securable.parents)]
    for level in levels:
        found = find(catalog, level)
        for principal, privileges in sorted(found.grants.items()) if found else ():
            for privilege, grantor in sorted(privileges.items()):
                if privilege in APPLICABLE[securable.kind]:
                    yield Grant(principal, privilege, level, grantor)
