"""check_connection within the warehouse: Unity Catalog, catalog, schema, tables, rights."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from io import StringIO

from django.core.management import call_command

from crm.model.namespace import Namespace
from crm.model.schema import ACCOUNTS, TABLES, UPDATES
from crm.repository import ddl
from crm.warehouse import Warehouse

from .checking import check, only_problem

# --- Unity Catalog, catalog, schema -----------------------------------------------------


def test_unity_catalog_is_off(warehouse: Warehouse, state: Callable[..., None]) -> None:
    state(unity_catalog=False)
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("Unity Catalog", "unity-catalog-off")


def test_catalog_and_schema_are_missing(warehouse: Warehouse, namespace: Namespace) -> None:
    nowhere = f"c_{uuid.uuid4().hex[:8]}"
    problem = only_problem(check("--catalog", nowhere))
    assert (problem["step"], problem["code"]) == ("catalog", "catalog-missing")
    problem = only_problem(check("--schema", nowhere))
    assert (problem["step"], problem["code"]) == ("schema", "schema-missing")
    report = check("--catalog", nowhere, "--create")
    assert (report["catalog"]["status"], report["schema"]["status"]) == ("pass", "pass")
    assert report["table accounts"]["code"] == "table-missing"
    warehouse.execute(f"DROP CATALOG `{nowhere}` CASCADE", repeatable=True)


def test_no_right_to_create_the_catalog(warehouse: Warehouse, sign_in: Callable) -> None:
    sign_in()
    problem = only_problem(check("--catalog", f"c_{uuid.uuid4().hex[:8]}", "--create"))
    assert (problem["step"], problem["code"]) == ("catalog", "catalog-not-creatable")
    assert "GRANT CREATE CATALOG ON METASTORE" in problem["advice"]


def test_no_right_to_create_the_schema(
    warehouse: Warehouse, namespace: Namespace, sign_in: Callable
) -> None:
    user = sign_in()
    warehouse.execute(
        f"GRANT USE CATALOG ON CATALOG {namespace.quoted_catalog} TO `{user}`", repeatable=True
    )
    problem = only_problem(check("--schema", f"s_{uuid.uuid4().hex[:8]}", "--create"))
    assert (problem["step"], problem["code"]) == ("schema", "schema-not-creatable")
    assert "CREATE SCHEMA ON CATALOG" in problem["advice"]


# --- tables and rights ------------------------------------------------------------------


def grant(warehouse: Warehouse, user: str, *privileges: str) -> None:
    for privilege in privileges:
        warehouse.execute(f"GRANT {privilege} TO `{user}`", repeatable=True)


def test_rights_on_tables(warehouse: Warehouse, namespace: Namespace, sign_in: Callable) -> None:
    user = sign_in()
    grant(
        warehouse,
        user,
        f"USE CATALOG ON CATALOG {namespace.quoted_catalog}",
        f"USE SCHEMA ON SCHEMA {namespace.quoted_schema}",
        *(f"SELECT ON TABLE {namespace.table(table)}" for table in TABLES),
        *(f"MODIFY ON TABLE {namespace.table(table)}" for table in TABLES if table != UPDATES),
    )
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("MODIFY updates", "no-modify")
    assert "MODIFY on Table" in problem["message"]
    assert f"GRANT MODIFY ON TABLE {namespace.table(UPDATES)} TO `<you>`" in problem["advice"]

    warehouse.execute(
        f"REVOKE SELECT ON TABLE {namespace.table(ACCOUNTS)} FROM `{user}`", repeatable=True
    )
    report = check()
    assert report["SELECT accounts"]["code"] == "no-select"
    # Faults of other steps are reported, too.
    assert report["MODIFY updates"]["code"] == "no-modify"
    allowed = report["MODIFY use_cases"]
    assert (allowed["status"], allowed["message"]) == (
        "pass",
        f"you may change {namespace.prefix}use_cases",
    )


def test_no_right_to_create_the_throw_away_table(
    warehouse: Warehouse, namespace: Namespace, sign_in: Callable
) -> None:
    user = sign_in()
    for statement in _editor_grants(namespace, user):
        warehouse.execute(statement, repeatable=True)
    assert check()["ok"]
    problem = only_problem(check("--write"))
    assert (problem["step"], problem["code"]) == ("write", "no-create-table")


def _editor_grants(namespace: Namespace, principal: str) -> list[str]:
    out = StringIO()
    place = ["--catalog", namespace.catalog, "--schema", namespace.schema]
    call_command("print_grants", "--principal", principal, *place, stdout=out)
    lines = [line for line in out.getvalue().splitlines() if not line.startswith("--")]
    return [line.removesuffix(";") for line in lines]


def test_a_missing_table(warehouse: Warehouse, namespace: Namespace) -> None:
    warehouse.execute(f"DROP TABLE {namespace.table(UPDATES)}", repeatable=True)
    report = check()
    problem = only_problem(report)
    assert (problem["step"], problem["code"]) == ("table updates", "table-missing")
    assert "UNDROP" in problem["advice"]
    assert report["SELECT updates"]["status"] == "skip"
    assert report["MODIFY use_cases"]["status"] == "pass"


def test_a_table_of_another_shape(warehouse: Warehouse, namespace: Namespace) -> None:
    warehouse.execute(f"DROP TABLE {namespace.table(UPDATES)}", repeatable=True)
    statement = ddl.create_table(UPDATES, namespace)
    statement = statement.replace("`date` DATE", "`date` STRING")
    statement = statement.replace("`author` STRING", "`writer` STRING NOT NULL")
    warehouse.execute(statement, repeatable=True)
    problem = only_problem(check())
    assert (problem["step"], problem["code"]) == ("table updates", "table-shape")
    assert "column date is STRING, not DATE" in problem["message"]
    assert "column author is missing" in problem["message"]
    assert "column writer, which EDIP CRM does not know, is NOT NULL" in problem["message"]


def test_more_columns_are_no_harm(warehouse: Warehouse, namespace: Namespace) -> None:
    warehouse.execute(
        f"ALTER TABLE {namespace.table(ACCOUNTS)} ADD COLUMN region STRING", repeatable=True
    )
    assert check()["ok"]


def test_whether_transactions_are_used(warehouse: Warehouse) -> None:
    found = check()["transactions"]
    assert found["status"] == "pass"
    assert "step by step: the table feature catalogManaged is not on accounts" in found["message"]
    out = StringIO()
    call_command("create_tables", "--transactions", stdout=out)
    assert out.getvalue().count("allows transactions") == 4
    assert check()["transactions"]["message"].endswith("run as transactions")
    mask = warehouse.namespace.place("hide_vp")
    for sql in (
        f"CREATE FUNCTION {mask}(x STRING) RETURNS STRING RETURN '*'",
        f"ALTER TABLE {warehouse.namespace.table(ACCOUNTS)} ALTER COLUMN vp SET MASK {mask}",
    ):
        warehouse.execute(sql, repeatable=True)
    problem = check()["transactions"]
    assert (problem["status"], problem["code"]) == ("warn", "no-transactions")
    assert "ACCESS_DELTA_TABLE_WITH_RLS_CM" in problem["advice"]
