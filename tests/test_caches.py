"""Every cache of a process is bounded, and none has a token in a key."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from cachetools import Cache

import crm
import edip
from crm.model.as_of_address import address
from crm.repository.records import accounts
from crm.warehouse import Warehouse

from .conftest import BASE_DIR
from .pages.html import filled_in, parsed
from .sign_in.conftest import (  # noqa: F401 - fixtures
    ALICE,
    account,
    account_of_payments,
    grant,
    in_apps,
    on_behalf,
    signed_in,
    workspace,
)

# Registries: what they hold belongs to the process, and is closed or ends with it.
REGISTRIES = {
    "crm/repository/tables/readiness.py: _running",
    "crm/telemetry.py: _ends",
    "crm/warehouse/__init__.py: _pools",
    "crm/warehouse/pool.py: _inherited",
    "crm/warehouse/sign_in/service_principal.py: _sources",
    "crm/warehouse/sign_in/unified.py: _sign_ins",
    "edip/local.py: _registered",
}


def modules() -> Iterator[ModuleType]:
    for package in (crm, edip):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def caches() -> dict[str, Cache[Any, Any]]:
    return {
        f"{module.__name__}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, Cache)
    }


def test_every_cache_is_bounded() -> None:
    found = caches()
    assert len(found) >= 6
    assert [name for name, cache in found.items() if not cache.maxsize < 100_000] == []
    remembered = {
        f"{module.__name__}.{name}": value.cache_parameters()["maxsize"]
        for module in modules()
        for name, value in vars(module).items()
        if hasattr(value, "cache_parameters") and value.__module__.startswith(("crm", "edip"))
    }
    assert remembered
    assert [name for name, maxsize in remembered.items() if maxsize is None] == []


def containers(source: str) -> list[str]:
    """Return the names of a module's containers that are empty at first: caches made by hand."""
    names = []
    for node in ast.parse(source).body:
        value = getattr(node, "value", None)
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        literal = isinstance(value, (ast.Dict, ast.List)) and not ast.unparse(value).strip("{}[]")
        call = isinstance(value, ast.Call) and not value.args and not value.keywords
        kinds = ("dict", "set", "list", "OrderedDict", "WeakKeyDictionary")
        if literal or (call and ast.unparse(value.func).split(".")[-1] in kinds):
            names += [ast.unparse(target) for target in targets if target is not None]
    # Constants are in capitals.
    return [name for name in names if not name.isupper()]


def test_no_cache_is_made_by_hand() -> None:
    found = {
        f"{file.relative_to(BASE_DIR)}: {name}"
        for package in ("crm", "edip")
        for file in (BASE_DIR / package).rglob("*.py")
        for name in containers(file.read_text())
    }
    assert len(found) > 3
    assert found - REGISTRIES == set()


@pytest.mark.parametrize(
    "source",
    ["_known: dict[str, int] = {}", "_seen = set()", "_a = OrderedDict()", "_b: list[int] = []"],
)
def test_a_cache_made_by_hand_is_found(source: str) -> None:
    assert len(containers(source)) == 1


def strings(value: Any, seen: set[int] | None = None) -> Iterator[str]:
    """Return all strings in a value, also those that its repr hides."""
    seen = set() if seen is None else seen
    if isinstance(value, str):
        yield value
    elif id(value) not in seen:
        seen.add(id(value))
        parts: list[Any] = []
        if isinstance(value, dict):
            parts = [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            parts = list(value)
        elif dataclasses.is_dataclass(value) or hasattr(value, "__dict__"):
            parts = list(vars(value).values())
        for part in parts:
            yield from strings(part, seen)


def test_no_token_is_in_a_key(signed_in: Any, warehouse: Warehouse, account: str) -> None:  # noqa: F811
    alice = signed_in(ALICE, "SELECT", "MODIFY")
    edit = f"/accounts/{account}/edit/"
    moment = accounts.get(warehouse, account).updated_at  # type: ignore[union-attr]
    data = filled_in(parsed(alice.get(edit)).select_one("#record form"))
    assert alice.post(edit, data | {"team": "Renamed"}).status_code == 303
    for path in ("/accounts/", "/live/", "/activity/", address(moment, "/accounts/")):
        assert alice.get(path).status_code == 200, path
    keys = {name: list(cache) for name, cache in caches().items()}
    assert {name for name, found in keys.items() if found} >= {
        "crm.identity.rights._writers",
        "crm.identity.vault._fernets",
        "crm.live._watches",
        "crm.repository._writing._checked",
        "crm.repository.versions._cache",
    }
    leaks = [name for name, found in keys.items() if alice.token in strings(found)]
    assert leaks == []
    # The walk sees what repr hides.
    assert alice.token in strings([warehouse.identity.__class__("x", alice.token)])
