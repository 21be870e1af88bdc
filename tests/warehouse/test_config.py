from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import environ
import pytest
from environ.fileaware_mapping import FileAwareMapping

from crm.warehouse import credentials
from crm.warehouse.config import LOCAL_TOKEN, ConfigurationError, WarehouseConfig

from ..conftest import BASE_DIR

COMPLETE = {
    "DATABRICKS_HOST": "https://adb-1.2.azuredatabricks.net/",
    "DATABRICKS_WAREHOUSE_ID": "0123456789abcdef",
    "DATABRICKS_TOKEN": "dapi-secret",
}


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> WarehouseConfig:
    for name in list(os.environ):
        if name.startswith(("DATABRICKS_", "EDIP_")):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    env = environ.FileAwareEnv()
    # The class caches the content of files.
    env.ENVIRON = FileAwareMapping()
    return WarehouseConfig.from_env(env, local_address=lambda: "http://local")


def test_nothing_set_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(monkeypatch)
    assert config.is_local
    assert config.uri() == "http://local"
    assert config.token == LOCAL_TOKEN
    assert (config.pool_size, config.pool_timeout) == (8, 10.0)
    assert (config.connection_max_age, config.statement_timeout) == (1800, 45)


@pytest.mark.parametrize(
    "variables",
    [
        {"DATABRICKS_CATALOG": "c", "DATABRICKS_SCHEMA": "s", "DATABRICKS_TABLE_PREFIX": "p_"},
        {"DATABRICKS_HOST": "", "DATABRICKS_TOKEN": " "},
    ],
)
def test_names_and_blanks_leave_it_local(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    assert read(monkeypatch, **variables).is_local


def test_databricks_variables_choose_a_databricks_warehouse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = read(monkeypatch, **COMPLETE)
    assert not config.is_local
    assert config.hostname == "adb-1.2.azuredatabricks.net"
    assert config.http_path == "/sql/1.0/warehouses/0123456789abcdef"
    assert config.uri() is None


def test_server_hostname_and_http_path_win(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(
        monkeypatch,
        **COMPLETE,
        DATABRICKS_SERVER_HOSTNAME="other.cloud.databricks.com",
        DATABRICKS_HTTP_PATH="/sql/1.0/warehouses/other",
    )
    assert config.hostname == "other.cloud.databricks.com"
    assert config.http_path == "/sql/1.0/warehouses/other"


def test_secret_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("dapi-in-a-file\n")
    variables = {name: COMPLETE[name] for name in ("DATABRICKS_HOST", "DATABRICKS_WAREHOUSE_ID")}
    config = read(monkeypatch, **variables, DATABRICKS_TOKEN_FILE=str(tmp_path / "token"))
    assert config.token == "dapi-in-a-file"


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(monkeypatch, DATABRICKS_HOST="adb-1.2.azuredatabricks.net")
    message = str(caught.value)
    assert "DATABRICKS_HTTP_PATH" in message
    assert "DATABRICKS_WAREHOUSE_ID" in message
    assert "DATABRICKS_TOKEN" in message
    assert "DATABRICKS_SERVER_HOSTNAME (" not in message


def test_explicit_address_wins_over_starting_one(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(monkeypatch, EDIP_WAREHOUSE_URL="http://127.0.0.1:1234/sql")
    assert config.is_local
    assert config.uri() == "http://127.0.0.1:1234/sql"
    config = read(monkeypatch, EDIP_WAREHOUSE_URL="https://x/sql", DATABRICKS_TOKEN="dapi-t")
    assert not config.is_local
    assert config.uri() == "https://x/sql"


def test_token_is_not_sent_elsewhere_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="https"):
        read(monkeypatch, EDIP_WAREHOUSE_URL="http://example.com/sql", DATABRICKS_TOKEN="dapi-t")
    with pytest.raises(ConfigurationError, match="DATABRICKS_TOKEN"):
        read(monkeypatch, EDIP_WAREHOUSE_URL="https://example.com/sql")


def test_no_secret_in_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(monkeypatch, **COMPLETE)
    identity = credentials.shared(config)
    assert "dapi-secret" not in f"{config!r} {config} {identity!r} {identity} {config.where}"


def test_identities_differ_by_token() -> None:
    one, other = (credentials.AccessToken("access token", token) for token in "ab")
    assert one != other
    assert len({one, other, credentials.AccessToken("access token", "a")}) == 2


def test_fingerprints_distinguish_identities_and_hold_no_token() -> None:
    config = WarehouseConfig(workspace_url="https://a.example", client_id="x", client_secret="s3")
    identities = [
        credentials.AccessToken("access token", "dapi-1"),
        credentials.AccessToken("access token", "dapi-2"),
        credentials.UserToken("ada", "dapi-1", 0.0),
        credentials.UserToken("bob", "dapi-1", 0.0),
        credentials.UserToken("bobd", "api-1", 0.0),
        credentials.ServicePrincipal("app", config),
        credentials.ServicePrincipal("app", replace(config, workspace_url="https://b.example")),
    ]
    fingerprints = [identity.fingerprint for identity in identities]
    assert len(set(fingerprints)) == len(identities)
    assert not any("dapi" in each or "s3" in each for each in fingerprints)
    assert credentials.UserToken("ada", "dapi-1", 99.0).fingerprint == fingerprints[2]


def test_settings_touch_neither_network_nor_processes(tmp_path: Path) -> None:
    """Nor do they wait for databricks-sdk, unless there is a service principal."""
    code = """
import dataclasses, socket, subprocess, sys
def refuse(*args, **kwargs): raise SystemExit("touched")
socket.socket.connect = subprocess.Popen.__init__ = refuse
import django; django.setup()
from django.conf import settings
from crm.identity import warehouses
print(settings.WAREHOUSE.is_local, warehouses.for_person("alice").actor)
from crm.warehouse import load_sign_in
print("databricks.sdk" in sys.modules)
load_sign_in(dataclasses.replace(settings.WAREHOUSE, client_secret="s"))
print("databricks.sdk" in sys.modules)
"""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("DATABRICKS_")}
    variables |= {"DJANGO_SETTINGS_MODULE": "edip.settings", "EDIP_LOCAL_DATA": str(tmp_path)}
    variables |= {"EDIP_WAREHOUSE_URL": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=variables, capture_output=True, text=True
    )
    assert done.stdout.split("\n") == ["True alice", "False", "True", ""], done.stderr
    assert not list(tmp_path.iterdir())


def test_every_variable_is_in_the_example() -> None:
    example = (BASE_DIR / ".env.example").read_text()
    files: list[Any] = [*(BASE_DIR / "edip").glob("*.py"), *(BASE_DIR / "crm").rglob("*.py")]
    names = {
        name
        for file in files
        for name in re.findall(r"\"((?:DATABRICKS|EDIP|DJANGO)_[A-Z_]+)\"", file.read_text())
    } - {"DJANGO_SETTINGS_MODULE", "DJANGO_RUNSERVER_HIDE_WARNING"}  # Django's own
    assert len(names) > 20
    assert not [name for name in sorted(names) if not re.search(rf"\b{name}\b", example)]


def test_each_limit_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {
        "EDIP_POOL_SIZE": "3",
        "EDIP_POOL_TOTAL": "17",
        "EDIP_POOL_TIMEOUT": "2.5",
        "EDIP_CONNECTION_MAX_AGE": "600",
        "EDIP_STATEMENT_TIMEOUT": "30",
        "EDIP_BULK_TIMEOUT": "900",
    }
    for config in (read(monkeypatch, **limits), read(monkeypatch, **COMPLETE, **limits)):
        assert (config.pool_size, config.pool_total, config.pool_timeout) == (3, 17, 2.5)
        assert (config.connection_max_age, config.statement_timeout) == (600, 30)
        assert config.bulk_timeout == 900
