"""The environment chooses the way of signing in; each way needs other variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm.warehouse import credentials
from crm.warehouse.config import ConfigurationError
from crm.warehouse.errors import SignInAgain

from ..warehouse.test_config import COMPLETE, read

HOME = {name: COMPLETE[name] for name in ("DATABRICKS_HOST", "DATABRICKS_WAREHOUSE_ID")}
PRINCIPAL = {"DATABRICKS_CLIENT_ID": "an-id", "DATABRICKS_CLIENT_SECRET": "a-secret"}


@pytest.mark.parametrize(
    ("variables", "auth"),
    [
        ({}, "pat"),
        (COMPLETE, "pat"),
        (HOME | PRINCIPAL, "service-principal"),
        # Databricks Apps always injects the principal, so a token that is set takes precedence.
        (COMPLETE | PRINCIPAL, "pat"),
        (COMPLETE | PRINCIPAL | {"EDIP_AUTH": "service-principal"}, "service-principal"),
        (HOME | PRINCIPAL | {"EDIP_AUTH": "user"}, "user"),
    ],
)
def test_chosen_by_what_is_set(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], auth: str
) -> None:
    assert read(monkeypatch, **variables).auth == auth


def test_a_config_holds_only_what_its_way_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    config = read(monkeypatch, **COMPLETE, **PRINCIPAL, EDIP_AUTH="user")
    # To find keys that row filters hide from people; nobody signs in with it.
    assert (config.token, config.client_id, config.client_secret) == ("", "an-id", "a-secret")
    with pytest.raises(SignInAgain):
        credentials.shared(config)
    config = read(monkeypatch, **COMPLETE, DATABRICKS_CLIENT_ID="an-id", EDIP_AUTH="user")
    assert (config.client_id, credentials.app(config)) == ("", None)
    config = read(monkeypatch, **COMPLETE, **PRINCIPAL)
    assert (config.token, config.client_secret) == ("dapi-secret", "")
    config = read(monkeypatch, **HOME, **PRINCIPAL)
    assert (config.token, config.client_id, config.client_secret) == ("", "an-id", "a-secret")
    assert config.workspace_url == "https://adb-1.2.azuredatabricks.net"
    assert "a-secret" not in f"{config!r} {config}"


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        (HOME, "DATABRICKS_TOKEN"),
        (HOME | {"DATABRICKS_CLIENT_ID": "x"}, "DATABRICKS_CLIENT_SECRET"),
        (HOME | {"DATABRICKS_CLIENT_SECRET": "x"}, "DATABRICKS_CLIENT_ID"),
        (HOME | PRINCIPAL | {"EDIP_AUTH": "pat"}, "DATABRICKS_TOKEN"),
        (COMPLETE | {"EDIP_AUTH": "service-principal"}, "DATABRICKS_CLIENT_ID"),
        ({"EDIP_AUTH": "service-principal"}, "DATABRICKS_CLIENT_ID"),
        (PRINCIPAL, "DATABRICKS_HOST"),
        ({"DATABRICKS_HOST": "x", "EDIP_AUTH": "user"}, "DATABRICKS_WAREHOUSE_ID"),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], missing: str
) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        read(monkeypatch, **variables)


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="EDIP_AUTH"):
        read(monkeypatch, **COMPLETE, EDIP_AUTH="obo")


def test_only_this_machine_is_reached_in_clear_text(monkeypatch: pytest.MonkeyPatch) -> None:
    near = HOME | PRINCIPAL | {"DATABRICKS_HOST": "http://127.0.0.1:99"}
    config = read(monkeypatch, **near)
    assert config.workspace_url == "http://127.0.0.1:99"
    assert config.uri() == "http://127.0.0.1:99/sql/1.0/warehouses/0123456789abcdef"
    far = HOME | PRINCIPAL | {"DATABRICKS_HOST": "http://example.com"}
    config = read(monkeypatch, **far)
    assert (config.workspace_url, config.uri()) == ("https://example.com", None)


def test_a_secret_from_a_file_can_be_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("a-secret\n")
    variables = HOME | {"DATABRICKS_CLIENT_ID": "an-id"}
    variables |= {"DATABRICKS_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    config = read(monkeypatch, **variables)
    assert config.auth == "service-principal"
    assert (config.client_secret, config.client_secret_file) == (
        "a-secret",
        str(tmp_path / "secret"),
    )
