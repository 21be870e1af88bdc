"""Sessions, tokens, asynchronous statements, metadata calls, faults on the wire."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator

import pytest
from databricks.sql.exc import DatabaseError, RequestError

from local_warehouse.serve.faults import Faults
from local_warehouse.serve.operations import Operations

from ..patience import seconds
from .conftest import TOKEN, Server, shell_on


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Iterator[Server]:
    """A server with three users, of whom one may not use the warehouse.

    Its faults affect no test of another file; each test removes its own.
    """
    data = tmp_path_factory.mktemp("own")
    tokens = {
        TOKEN: {"user": "developer@localhost"},
        "dapi-alice": {"user": "alice@example.com"},
        "dapi-mallory": {"user": "mallory@example.com", "warehouse": False},
    }
    (data / "tokens.json").write_text(json.dumps(tokens))
    server = Server(data)
    yield server
    server.kill()


def test_unknown_token_is_refused(server):
    with pytest.raises(RequestError) as raised:
        server.connect(token="dapi-nobody")
    assert raised.value.context["http-code"] == 401


def test_tokens_stand_for_users(own):
    server = own
    with shell_on(server, token="dapi-alice") as shell:
        assert shell.value("SELECT current_user()") == "alice@example.com"
        shell.run("CREATE TABLE workspace.default.t (a INT)")
        assert shell.run("DESCRIBE HISTORY workspace.default.t")[0].userName == "alice@example.com"
    with pytest.raises(RequestError) as raised:
        server.connect(token="dapi-mallory")
    assert raised.value.context["http-code"] == 403
    assert server.statements()[-1]["user"] == "alice@example.com"


def test_a_session_of_one_user_is_no_use_to_another(own):
    connection = own.connect()
    stolen = own.connect(token="dapi-alice")
    stolen.session._session_id = connection.session._session_id
    with stolen.cursor() as cursor, pytest.raises(DatabaseError, match="Invalid SessionHandle"):
        cursor.execute("SELECT 1")


def test_initial_namespace(server):
    with shell_on(server, catalog="workspace", schema="default") as shell:
        row = shell.run("SELECT current_catalog() AS c, current_schema() AS s")[0]
        assert (row.c, row.s) == ("workspace", "default")
    with pytest.raises(DatabaseError, match="NO_SUCH_CATALOG"):
        server.connect(catalog="nowhere")


def test_asynchronous_execution(server):
    with shell_on(server) as shell, shell.connection.cursor() as cursor:
        latency = seconds(1)
        server.fault("latency", seconds=latency, times=1)
        started = time.monotonic()
        cursor.execute_async("SELECT 7")
        assert time.monotonic() - started < latency
        cursor.get_async_execution_result()
        assert cursor.fetchall()[0][0] == 7


def test_a_statement_longer_than_one_poll(server):
    with shell_on(server) as shell:
        server.fault("latency", seconds=6, times=1)
        assert shell.value("SELECT 8") == 8


def test_cancel_stops_waiting(server):
    with shell_on(server) as shell, shell.connection.cursor() as cursor:
        server.fault("latency", seconds=30, times=1)
        cursor.execute_async("SELECT 'to be cancelled'")
        started = time.monotonic()
        cursor.cancel()
        with pytest.raises(DatabaseError):
            cursor.get_async_execution_result()
        assert time.monotonic() - started < seconds(5)
    entry = next(s for s in server.statements() if "to be cancelled" in s["text"])
    assert entry["status"] == "CANCELED"


def test_statement_timeout(server):
    with shell_on(server, session_configuration={"STATEMENT_TIMEOUT": "1"}) as shell:
        server.fault("latency", seconds=30, times=1)
        started = time.monotonic()
        with pytest.raises(DatabaseError):
            shell.value("SELECT 'too slow'")
        assert time.monotonic() - started < seconds(5)


def test_metadata_calls(shell):
    schema = shell.value("SELECT current_schema()")
    shell.run(
        "CREATE TABLE things (id STRING NOT NULL COMMENT 'key', price DECIMAL(9,2)) COMMENT 'T'"
    )
    with shell.connection.cursor() as cursor:
        assert "tests" in [row.TABLE_CAT for row in cursor.catalogs().fetchall()]
        assert schema in [r.TABLE_SCHEM for r in cursor.schemas(catalog_name="tests").fetchall()]
        tables = cursor.tables(
            catalog_name="tests", schema_name=schema, table_name="th%"
        ).fetchall()
        assert [(row.TABLE_NAME, row.REMARKS) for row in tables] == [("things", "T")]
        columns = cursor.columns(
            catalog_name="tests", schema_name=schema, table_name="things"
        ).fetchall()
    assert [(c.COLUMN_NAME, c.TYPE_NAME, c.IS_NULLABLE) for c in columns] == [
        ("id", "STRING", "NO"),
        ("price", "DECIMAL(9, 2)", "YES"),
    ]


def test_statement_log_as_a_table(shell):
    with shell.connection.cursor() as cursor:
        tags = {"page": "a:b,c\\d", "quick": None}
        cursor.execute("SELECT 'find me'", query_tags=tags)
    shell.error("SELECT broken FROM nowhere.at.all")
    rows = shell.run(
        "SELECT executed_by, execution_status, produced_rows, query_tags, error_message, "
        "end_time >= start_time AS ordered FROM system.query.history "
        "WHERE contains(statement_text, :found) OR contains(statement_text, :failed) "
        "ORDER BY start_time LIMIT 2",
        {"found": "'find me'", "failed": "SELECT broken"},
    )
    found, failed = rows
    assert (found.executed_by, found.execution_status, found.produced_rows) == (
        "developer@localhost",
        "FINISHED",
        1,
    )
    assert dict(found.query_tags) == {"page": "a:b,c\\d", "quick": None}
    assert found.ordered
    assert failed.execution_status == "FAILED"
    assert "TABLE_OR_VIEW_NOT_FOUND" in failed.error_message


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"kind": "http_status", "status": 429, "retry_after": 1}, Exception, None),
        ({"kind": "http_status", "status": 503}, Exception, None),
        ({"kind": "starting"}, Exception, None),
        ({"kind": "expired_token"}, RequestError, 403),
        ({"kind": "invalid_session"}, DatabaseError, None),
        ({"kind": "conflict"}, DatabaseError, None),
        ({"kind": "drop_before"}, Exception, None),
        ({"kind": "drop_after"}, Exception, None),
    ],
)
def test_faults_reach_the_connector(own, fault, error, code):
    with shell_on(own) as shell:
        table = f"workspace.default.t{time.monotonic_ns()}"
        shell.run(f"CREATE TABLE {table} (a INT)")
        kind = fault.pop("kind")
        # Twice, since the connector itself sends ExecuteStatement again after a 429, a 503 or a
        # lost connection.
        own.fault(kind, times=2, match="INSERT", **fault)
        assert shell.value("SELECT 1") == 1
        with pytest.raises(error) as raised:
            shell.change(f"INSERT INTO {table} VALUES (1)")
        if code:
            assert raised.value.context["http-code"] == code
        own.control("DELETE", "/faults")
        executed = 2 if kind == "drop_after" else 0
        assert shell.value(f"SELECT count(*) FROM {table}") == executed


def test_unknown_faults_are_refused(server):
    import urllib.error

    with pytest.raises(urllib.error.HTTPError) as raised:
        server.fault("nonsense")
    assert raised.value.code == 400


def test_sessions_can_be_ended_as_by_a_restart(own):
    own.control("DELETE", "/sessions")  # those that tests of faults left open
    with shell_on(own) as shell:
        assert own.control("DELETE", "/sessions") == {"closed": 1}
        with pytest.raises(DatabaseError, match="Invalid SessionHandle"):
            shell.value("SELECT 1")


def test_cancel_stops_waiting_for_the_engine(own):
    # The last test with this server: the engine continues a cancelled statement.
    with shell_on(own) as shell, shell.connection.cursor() as cursor:
        cursor.execute_async(
            "SELECT count(DISTINCT sha2(cast(a.id * 7919 + b.id AS string), 256)) "
            "FROM range(100000) a CROSS JOIN range(100000) b"
        )
        time.sleep(0.5)
        started = time.monotonic()
        cursor.cancel()
        with pytest.raises(DatabaseError):
            cursor.get_async_execution_result()
        assert shell.value("SELECT 9") == 9
        assert time.monotonic() - started < seconds(5)


def test_a_session_ends_while_others_begin_statements():
    class Beginning:
        """Another session's statement; whenever somebody reads it, one more begins."""

        @property
        def session(self) -> None:
            operations._known[uuid.uuid4()] = Beginning()

    operations = Operations(None, Faults())
    operations._known = {uuid.uuid4(): Beginning()}
    operations.close_session("this one")
    assert len(operations._known) == 2
