"""EDIP_AUTH=unified: commands and jobs sign in as the Databricks CLI does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.model.namespace import Namespace
from crm.warehouse import Warehouse, dispose_all, open_shared
from crm.warehouse.config import ConfigurationError, WarehouseConfig
from crm.warehouse.errors import SignInFailed
from crm.warehouse.sign_in import unified

from ..conftest import LocalWarehouse
from ..warehouse.test_config import read


@pytest.fixture
def home(
    server: LocalWarehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A home folder without any sign-in, and a PATH without programs of others."""
    monkeypatch.setattr(unified, "_sign_ins", {})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    yield tmp_path
    dispose_all()


def configured(
    monkeypatch: pytest.MonkeyPatch, server: LocalWarehouse, **variables: str
) -> WarehouseConfig:
    chosen = {"EDIP_AUTH": "unified", "DATABRICKS_WAREHOUSE_ID": "local"}
    return read(monkeypatch, **chosen, **variables)


def answer(config: WarehouseConfig) -> object:
    wh = open_shared(config, Namespace(), "ada@example.com")
    return wh.query("SELECT current_user() AS me")[0]["me"]


def origin(server: LocalWarehouse) -> str:
    return server.control.removesuffix("/control")


def test_a_profile_names_workspace_and_token(
    home: Path, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse
) -> None:
    file = home / ".databrickscfg"
    file.write_text(f"[crm]\nhost = {origin(server)}\ntoken = {server.token}\n")
    config = configured(monkeypatch, server, DATABRICKS_CONFIG_PROFILE="crm")
    assert answer(config) == warehouse.query("SELECT current_user() AS me")[0]["me"]
    assert server.token not in repr(config)
    with pytest.raises(ConfigurationError, match="DATABRICKS_HOST"):
        configured(monkeypatch, server, DATABRICKS_CONFIG_PROFILE="other")


@pytest.mark.parametrize("settings", ["", "[__settings__]\ndefault_profile = crm\n"])
def test_the_default_profile_of_another_file(
    home: Path, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    """With its token and warehouse; a profile has nothing of the profile DEFAULT."""
    values = f"host = {origin(server)}\ntoken = {server.token}\nwarehouse_id = local\n"
    others = "[DEFAULT]\nhost = https://example.com\n" if settings else ""
    name = "crm" if settings else "DEFAULT"
    (home / "profiles").write_text(f"{others}{settings}[{name}]\n{values}")
    file = {"DATABRICKS_CONFIG_FILE": str(home / "profiles")}
    config = read(monkeypatch, EDIP_AUTH="unified", **file)
    assert (config.profile, bool(answer(config))) == (name, True)


def test_the_login_of_the_cli(
    home: Path, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = {
        "access_token": server.token,
        "token_type": "Bearer",
        "expiry": "2099-01-01T00:00:00Z",
    }
    cli = home / "databricks"
    # The SDK takes a small file for the old CLI, which cannot sign in.
    cli.write_text(f"#!/bin/sh\necho '{json.dumps(token)}'\nexit 0\n#{'-' * 2**20}\n")
    cli.chmod(0o755)
    assert answer(configured(monkeypatch, server, DATABRICKS_HOST=origin(server)))


def test_without_any_sign_in_it_says_what_to_do(
    home: Path, server: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(monkeypatch, server, DATABRICKS_HOST=origin(server))
    with pytest.raises(SignInFailed, match="databricks auth login") as refused:
        answer(config)
    assert os.environ["HOME"] not in str(refused.value)
