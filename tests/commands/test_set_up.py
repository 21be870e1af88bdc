"""set_up: the command that the bundle's job runs."""

from __future__ import annotations

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import ACCOUNTS
from crm.repository import ddl
from crm.repository.tables import grants
from crm.warehouse import Warehouse

from ..conftest import CATALOG, Statements
from ..schemas import READ


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("set_up", *arguments, stdout=out)
    return out.getvalue()


def test_it_does_what_is_missing_and_then_nothing(
    warehouse: Warehouse, statements: Statements
) -> None:
    schema = f"s_{uuid.uuid4().hex[:8]}"
    place = ("--catalog", CATALOG, "--schema", schema)
    app, readers = str(uuid.uuid4()), "account users"
    rights = ("--grant-editor", app, "--grant-reader", readers)
    with statements() as done:
        planned = run(*place, *rights, "--plan")
    assert all(READ.match(sql) for sql in done)
    assert planned.count("CREATE TABLE IF NOT EXISTS") == len(ALL_TABLES)
    wanted = grants.statements(grants.EDITOR, Namespace(CATALOG, schema), app)
    assert [line for line in planned.splitlines() if app in line] == [f"{g};" for g in wanted]
    assert run(*place, "--sample-data").count(": done") == len(ALL_TABLES) + 1
    home = warehouse.at(Namespace(CATALOG, schema))
    count = f"SELECT COUNT(*) AS n FROM {home.namespace.table(ACCOUNTS)}"
    assert home.query(count)[0]["n"] == 5
    assert run(*place, "--sample-data") == "The tables are up to date.\n"
    older = {ddl.VERSION_PROPERTY: "6"}
    home.execute(ddl.set_properties(ACCOUNTS, older, home.namespace), repeatable=True)
    assert "Migrate the tables, step 9" in run(*place)
    home.execute(f"DROP SCHEMA {home.namespace.quoted_schema} CASCADE", repeatable=True)


def test_what_could_not_be_done_is_named(sample: Warehouse) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("set_up", "--schema", "information_schema", stdout=out)
    assert ended.value.code == 1
    assert "Your rights do not suffice" in out.getvalue()
    assert "GRANT USE SCHEMA, CREATE TABLE" in out.getvalue()
    with pytest.raises(CommandError, match="cannot be the name"):
        run("--grant-editor", " ")
