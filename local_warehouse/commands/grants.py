"""GRANT, REVOKE and SHOW GRANTS."""

from __future__ import annotations

from local_warehouse.catalog.objects import Grants
from local_warehouse.catalog.privileges import find, grants_on
from local_warehouse.catalog.securables import (
    APPLICABLE,
    MANAGE,
    METASTORE,
    Securable,
    insufficient,
    securable_of,
)
from local_warehouse.context import Context
from local_warehouse.errors import SqlError, routine_not_found
from local_warehouse.result import NOTHING, TEXT, Result, rows
from local_warehouse.sql.parsing import Words

from .functions import find as find_function


def grant(words: Words, context: Context) -> Result:
    privileges, securable = _privileges_and_securable(words, context)
    words.expect("TO")
    principal = words.value()
    words.end()
    grants = _grants(securable, context)
    with context.catalog.changing():
        granted = grants.setdefault(principal, {})
        granted.update(dict.fromkeys(privileges, context.session.user))
    return NOTHING


def revoke(words: Words, context: Context) -> Result:
    privileges, securable = _privileges_and_securable(words, context)
    words.expect("FROM")
    principal = words.value()
    words.end()
    grants = _grants(securable, context)
    with context.catalog.changing():
        kept = {k: v for k, v in grants.pop(principal, {}).items() if k not in privileges}
        if kept and "ALL PRIVILEGES" not in privileges:
            grants[principal] = kept
    return NOTHING


def show(words: Words, context: Context) -> Result:
    """``SHOW GRANTS [principal] ON securable``.

    Users who may not grant privileges on the object see only their own.
    """
    principal = None if words.accept("ON") else words.value()
    if principal is not None:
        words.expect("ON")
    securable = _securable(words, context)
    words.end()
    if securable != METASTORE:
        context.access.require_visible(securable)
    sees_all = context.access.has_privilege(MANAGE, securable)
    found = [
        grant
        for grant in grants_on(context.catalog, securable)
        if (sees_all or grant.principal in context.access.names)
        and principal in (None, grant.principal)
    ]
    columns = dict.fromkeys(("Principal", "ActionType", "ObjectType", "ObjectKey"), TEXT)
    values = [(g.principal, g.privilege, g.securable.kind, g.securable.name) for g in found]
    return rows(columns, values)


def _privileges_and_securable(words: Words, context: Context) -> tuple[list[str], Securable]:
    """Read the privileges and the object, up to TO or FROM.

    Raises SqlError if the user may not grant them, or if the object has no such privilege.
    """
    privileges = [_privilege(words)]
    while words.accept(","):
        privileges.append(_privilege(words))
    words.expect("ON")
    securable = _securable(words, context)
    for privilege in privileges:
        if privilege not in APPLICABLE[securable.kind]:
            raise SqlError(
                "INVALID_PARAMETER_VALUE",
                f"Privilege {privilege} is not applicable to this entity "
                f"[{securable.name}:{securable.kind}].",
                "22023",
            )
    context.access.require(MANAGE, securable)
    return privileges, securable


def _privilege(words: Words) -> str:
    named = [words.value()]
    while not words.next_is("ON", ","):
        named.append(words.value())
    return " ".join(named).upper()


def _securable(words: Words, context: Context) -> Securable:
    """Read an object's kind and name. Raises SqlError if it does not exist."""
    resolver = context.resolver
    resolver.require_unity()
    if words.accept("METASTORE"):
        return METASTORE
    if words.accept("CATALOG"):
        (name,) = words.name()
        context.catalog.catalog(name)
        return resolver.catalog_named(name)
    if words.accept("SCHEMA") or words.accept("DATABASE"):
        securable = resolver.schema(words.name())
        context.catalog.schema(*securable.path)
        return securable
    if words.accept("FUNCTION"):
        names = words.name()
        if (function := find_function(names, context)) is None:
            raise routine_not_found(names)
        return securable_of(function)
    words.accept("TABLE")
    return securable_of(resolver.table(words.table()))


def _grants(securable: Securable, context: Context) -> Grants:
    found = find(context.catalog, securable)
    if found is None:
        raise insufficient(MANAGE, securable)  # it was dropped just now
    return found.grants
