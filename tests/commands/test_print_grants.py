from __future__ import annotations

import uuid
from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import CommandError

from crm.model.namespace import Namespace
from crm.model.own_tables import ALL_TABLES
from crm.model.schema import TABLES
from crm.repository.tables import grants
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse
from ..deployment.bundle import resolved
from ..deployment.json_schema import problems
from ..deployment.test_bundle_schema import OURS

APP = "9a1b2c3d-0000-4000-8000-123456789abc"


def lines(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("print_grants", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_an_editor_gets_what_is_needed_and_no_more() -> None:
    place = ["--catalog", "shared", "--schema", "apps", "--prefix", "edip_"]
    printed = lines("--principal", APP, *place)
    assert printed[1:3] == [
        f"GRANT USE CATALOG ON CATALOG `shared` TO `{APP}`;",
        f"GRANT USE SCHEMA ON SCHEMA `shared`.`apps` TO `{APP}`;",
    ]
    assert printed[3:] == [
        f"GRANT SELECT, MODIFY ON TABLE `shared`.`apps`.`edip_{t.name}` TO `{APP}`;"
        for t in ALL_TABLES
    ]


def test_a_reader_may_only_read_and_follow() -> None:
    printed = lines("--principal", "users", "--role", "reader")
    granted = "\n".join(line for line in printed if not line.startswith("--"))
    assert "MODIFY" not in granted
    assert granted.count("GRANT SELECT ON TABLE") == len(ALL_TABLES)
    assert printed[-5:] == [
        f"-- GRANT MODIFY ON TABLE `edip_crm`.`main`.`{name}` TO `users`;"
        for name in ("people", "follows", "saved_views", "default_views", "digests")
    ]


def test_a_creator_may_create_the_tables() -> None:
    printed = lines("--principal", "platform team", "--role", "creator")
    assert "-- GRANT CREATE CATALOG ON METASTORE TO `platform team`;" in printed
    assert (
        "GRANT USE SCHEMA, CREATE TABLE ON SCHEMA `edip_crm`.`main` TO `platform team`;" in printed
    )


def test_names_are_escaped() -> None:
    printed = lines("--principal", "a`; DROP TABLE x; --")
    assert printed[1].endswith("TO `a``; DROP TABLE x; --`;")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 300])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(CommandError, match="cannot be the name"):
        lines("--principal", name)


def test_identifiers_are_checked() -> None:
    with pytest.raises(CommandError, match="cannot be the name of a catalog"):
        lines("--principal", "users", "--catalog", "x`y")


def test_a_warehouse_understands_them(
    server: LocalWarehouse, warehouse: Warehouse, namespace: Namespace
) -> None:
    group = f"team `{uuid.uuid4().hex[:6]}`"
    server._ask("POST", "/groups", {"group": group, "members": []})
    place = ["--catalog", namespace.catalog, "--schema", namespace.schema]
    printed = [
        line
        for role in grants.ROLES
        for line in lines("--principal", group, "--role", role, *place)
    ]
    for statement in (line.removeprefix("-- ").rstrip(";") for line in printed if "GRANT" in line):
        warehouse.execute(statement, repeatable=True)
    found = warehouse.query(f"SHOW GRANTS ON TABLE {namespace.table(TABLES[0])}")
    assert {"SELECT", "MODIFY"} == {r["ActionType"] for r in found if r["Principal"] == group}


def test_the_bundle_can_give_the_app_its_rights() -> None:
    """As further resources of the app, which the CLI adds to those of resources/app.yml."""
    printed = yaml.safe_load("\n".join(lines("--bundle", "production")))
    assert list(problems(printed, OURS)) == []
    app = resolved("production", printed, table_prefix="edip_")["apps"]["edip_crm"]
    tables = {each["name"]: each["uc_securable"] for each in app["resources"][2:]}
    assert len(tables) == len(ALL_TABLES)
    assert tables["platforms-status"] == {
        "securable_type": "TABLE",
        "securable_full_name": "edip_crm.main.edip_platforms_status",
        "permission": "MODIFY",
    }
    for wrong in (
        (),
        ("--bundle", "test", "--principal", APP),
        ("--bundle", "t", "--role=creator"),
    ):
        with pytest.raises(CommandError):
            lines(*wrong)
