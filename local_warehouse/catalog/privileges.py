"""Check the privileges of users on objects, as Unity Catalog does.

Each object of the catalog keeps its own grants; the objects inside it inherit them. An owner may
do everything with an object and the objects inside it; a metastore admin may do everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .catalog import Catalog
from .identity import Identities
from .objects import CatalogEntry, Schema
from .securables import (
    ALL,
    APPLICABLE,
    LEVELS,
    MANAGE,
    METASTORE,
    Need,
    Securable,
    SecurableObject,
    insufficient,
    securable_of,
)


class Access:
    """The privileges of one user; every call reads the current grants."""

    def __init__(self, catalog: Catalog, identities: Identities, user: str) -> None:
        self._catalog = catalog
        self._identities = identities
        self.user = user

    @cached_property
    def is_admin(self) -> bool:
        return self._identities.is_admin(self.user)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The principals whose grants the user has: the user, and the user's groups."""
        return (self.user, *self._identities.groups_of(self.user))

    def for_user(self, user: str) -> Access:
        return Access(self._catalog, self._identities, user)

    def has_privilege(self, privilege: str, securable: Securable) -> bool:
        """Whether the user has the privilege, on the object or on an object around it."""
        return self.is_admin or any(
            self._owns(found) or self._granted(privilege, found)
            for found in self._chain(securable)
        )

    def owns(self, securable: Securable) -> bool:
        """Whether the user owns the object or an object around it."""
        return self.is_admin or any(self._owns(found) for found in self._chain(securable))

    def can_see(self, securable: Securable) -> bool:
        """Whether listings show the object: the user has any privilege on it or inside it."""
        if self.is_admin:
            return True
        wanted = {*APPLICABLE[securable.kind], "BROWSE"}
        chain = list(self._chain(securable))
        if any(self._owns(found) or self._has_any(wanted, found) for found in chain):
            return True
        return any(self.can_see(child) for child in self._children(securable))

    # --- checks that raise ---
    def require(self, privilege: str, securable: Securable) -> None:
        """Raise SqlError (INSUFFICIENT_PERMISSIONS) without the privilege.

        The user must also have USE on the catalog and schema that the object is in.
        """
        for level in (*securable.parents, securable):
            if level.kind in LEVELS and (level != securable or privilege.startswith("CREATE")):
                self._demand(f"USE {level.kind}", level)
        self._demand(privilege, securable)

    def require_use(self, securable: Securable) -> None:
        """Require USE on the catalog and schema of the object, if they exist."""
        for level in securable.parents:
            if find(self._catalog, level) is None:
                return
            self._demand(f"USE {level.kind}", level)

    def require_visible(self, securable: Securable) -> None:
        """Raise SqlError unless listings show the object."""
        self.require_use(securable)
        if not self.can_see(securable):
            privilege = f"USE {securable.kind}" if securable.kind in LEVELS else "SELECT"
            raise insufficient(privilege, securable)

    def require_all(self, needs: tuple[Need, ...]) -> None:
        """Raise SqlError unless a prepared statement's needs are still met."""
        for need in needs:
            if need.definer is not None:
                self.for_user(need.definer).require(need.privilege, need.securable)
            elif not self.is_admin:
                self.require(need.privilege, need.securable)

    def _demand(self, privilege: str, securable: Securable) -> None:
        if not self.has_privilege(privilege, securable):
            raise insufficient(privilege, securable)

    # --- the catalog ---
    def _owns(self, found: SecurableObject) -> bool:
        return found.owner in self.names

    def _granted(self, privilege: str, found: SecurableObject) -> bool:
        wanted = {privilege} if privilege == MANAGE else {privilege, ALL}
        return self._has_any(wanted, found)

    def _has_any(self, wanted: set[str], found: SecurableObject) -> bool:
        grants = found.grants
        return any(not wanted.isdisjoint(grants[name]) for name in self.names if name in grants)

    def _chain(self, securable: Securable) -> Iterator[SecurableObject]:
        """Yield the object and the objects around it, the catalog first, if they exist."""
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
        if isinstance(found, CatalogEntry):
            for name in list(found.schemas):
                yield Securable("SCHEMA", (*securable.path, name))
        elif isinstance(found, Schema):
            yield from map(securable_of, [*found.tables.values()])
            yield from map(securable_of, [*found.functions.values()])


def find(catalog: Catalog, securable: Securable) -> SecurableObject | None:
    """Return the catalog's object; None if it does not exist."""
    if securable == METASTORE:
        return catalog.metastore
    entry = catalog.catalogs.get(securable.path[0])
    if entry is None or len(securable.path) == 1:
        return entry
    schema = entry.schemas.get(securable.path[1])
    if schema is None or len(securable.path) == 2:
        return schema
    if securable.kind == "FUNCTION":
        return schema.functions.get(securable.path[2])
    return schema.tables.get(securable.path[2])


@dataclass(frozen=True)
class Grant:
    """One privilege of one principal, and the object on which it was granted."""

    principal: str
    privilege: str
    securable: Securable
    grantor: str


def grants_on(catalog: Catalog, securable: Securable) -> Iterator[Grant]:
    """Yield the grants on the object itself, then those that it inherits."""
    levels = [securable, *reversed(securable.parents)]
    for level in levels:
        found = find(catalog, level)
        for principal, privileges in sorted(found.grants.items()) if found else ():
            for privilege, grantor in sorted(privileges.items()):
                if privilege in APPLICABLE[securable.kind]:
                    yield Grant(principal, privilege, level, grantor)
