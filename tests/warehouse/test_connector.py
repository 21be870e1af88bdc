"""The keywords for the connector: it ignores one that it does not know."""

from __future__ import annotations

import gc
import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databricks.sql
import pytest
from databricks.sql.thrift_api.TCLIService import ttypes

from crm.warehouse import connector
from crm.warehouse.config import WarehouseConfig

CONFIG = WarehouseConfig(
    hostname="example.cloud.databricks.com", http_path="/sql/1.0/warehouses/x", token="t"
)
LOCAL = WarehouseConfig(is_local=True, url="http://127.0.0.1:99/sql", token="t")


def test_every_option_is_one_that_the_installed_connector_reads() -> None:
    folder = Path(databricks.sql.__file__).parent
    source = "\n".join(file.read_text() for file in folder.rglob("*.py"))
    options = {*connector._arguments(CONFIG), *connector._arguments(LOCAL)}
    assert "_connection_uri" in options
    unknown = [name for name in options if not re.search(rf"\b{name}\b", source)]
    assert unknown == []


@pytest.mark.parametrize("config", [CONFIG, LOCAL])
def test_options_for_web_requests(config: WarehouseConfig) -> None:
    options = connector._arguments(config)
    # One round trip for small results, and no requests to elsewhere.
    assert options["use_cloud_fetch"] is False
    assert options["enable_telemetry"] is False
    # A slow answer is not a broken connection.
    assert options["_socket_timeout"] > config.statement_timeout
    assert options["_retry_delay_max"] == 5
    assert options["_retry_stop_after_attempts_count"] == config.retries
    assert options["session_configuration"] == {
        "STATEMENT_TIMEOUT": str(config.statement_timeout),
        "TIMEZONE": "UTC",
        "ANSI_MODE": "true",
    }
    assert options["user_agent_entry"] == "EDIP CRM"


def test_the_host_is_the_workspace_or_this_machine() -> None:
    assert connector._arguments(CONFIG)["server_hostname"] == "example.cloud.databricks.com"
    assert "_connection_uri" not in connector._arguments(CONFIG)
    assert connector._arguments(LOCAL)["server_hostname"] == "localhost"
    assert connector._arguments(LOCAL)["_connection_uri"] == LOCAL.url


def test_a_sign_in_that_fails_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python prints what fails while an object is freed: here a connection without a session."""

    def sign_in() -> None:
        raise OSError("the token endpoint does not answer")

    printed: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda failed: printed.append(failed.exc_value))
    identity: Any = SimpleNamespace(connect_arguments=lambda: {"credentials_provider": sign_in})
    with pytest.raises(OSError, match="token endpoint"):
        connector.connect(LOCAL, identity)
    gc.collect()
    assert printed == []


def test_no_log_gets_messages_with_values(caplog: pytest.LogCaptureFixture) -> None:
    """The connector formats each message for a log, whoever listens."""
    message = ttypes.TExecuteStatementResp(operationHandle="all rows")
    assert "all rows" not in f"{message}"
    with caplog.at_level(logging.DEBUG, "databricks.sql.unsafe"):
        logging.getLogger("databricks.sql.unsafe").debug("all rows")
    assert caplog.text == ""
