"""Setting, dropping and listing row filters and column masks, and no way around them."""

from __future__ import annotations

import pytest

from .conftest import ANN, BOB


def test_a_filter_by_a_table_of_rights(filtered):
    """A row filter may read a table that the user may not."""
    filtered.admin.run("CREATE SCHEMA rights")
    filtered.admin.run("CREATE TABLE rights.seen (who STRING, id STRING)")
    filtered.admin.change(f"INSERT INTO rights.seen VALUES ('{ANN}', 'b1'), ('{BOB}', 'a1')")
    filtered.admin.run(
        "CREATE OR REPLACE FUNCTION mine(x STRING) RETURNS BOOLEAN RETURN EXISTS "
        "(SELECT 1 FROM rights.seen WHERE who = current_user() AND seen.id = x)"
    )
    assert [row[0] for row in filtered.ann.run("SELECT id FROM t")] == ["b1"]
    assert [row[0] for row in filtered.bob.run("SELECT id FROM t")] == ["a1"]
    assert filtered.admin.run("SELECT id FROM t") == []
    assert "INSUFFICIENT_PERMISSIONS" in filtered.ann.error("SELECT * FROM rights.seen")
    for statement in (
        "DELETE FROM t",
        "MERGE INTO t USING (SELECT 'b1' AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE",
    ):
        assert filtered.ann.error(statement).startswith("[UNSUPPORTED_FEATURE]")


def test_a_policy_takes_effect_at_once_and_can_be_dropped(users):
    read = "SELECT count(*) FROM t"
    assert users.ann.value(read) == 3
    users.admin.run("ALTER TABLE t SET ROW FILTER mine ON (id)")
    assert users.ann.value(read) == 2
    users.admin.run("ALTER TABLE t DROP ROW FILTER")
    assert users.ann.value(read) == 3
    users.admin.run("ALTER TABLE t ALTER COLUMN note SET MASK veil USING COLUMNS (n)")
    users.admin.run("ALTER TABLE t ALTER COLUMN note DROP MASK")
    assert users.ann.value("SELECT note FROM t WHERE id = 'b1'") == "hidden three"


def test_without_its_function_nothing_is_to_be_seen(both):
    both.admin.run("DROP FUNCTION mine")
    for statement in ("SELECT * FROM t", "UPDATE t SET n = 0", "DELETE FROM t"):
        assert both.ann.error(statement).startswith("[UNRESOLVED_ROUTINE]")


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("ALTER TABLE t DROP ROW FILTER", "MANAGE on Table"),
        ("ALTER TABLE t ALTER COLUMN note DROP MASK", "MANAGE on Table"),
        ("ALTER TABLE t SET ROW FILTER mine ON (id)", "MANAGE on Table"),
        ("CREATE OR REPLACE FUNCTION mine(x STRING) RETURNS BOOLEAN RETURN true", "CREATE FUNCTION"),
        ("DROP FUNCTION mine", "MANAGE on Function"),
        ("SELECT mine('b1')", "EXECUTE on Function"),
        ("SELECT * FROM delta.`/tmp`", "UNSUPPORTED_FEATURE"),
    ],
)  # fmt: skip
def test_nobody_rids_themselves_of_a_policy(both, statement, error):
    assert error in both.ann.error(statement)
    assert both.ann.value("SELECT count(*) FROM t") == 2


def test_a_function_of_ones_own_is_no_way_around_a_policy(both):
    """Policies depend on the user who runs the statement, not on a function's owner."""
    both.admin.run(f"GRANT CREATE FUNCTION, EXECUTE ON SCHEMA {both.catalog}.default TO `{ANN}`")
    both.ann.run("CREATE FUNCTION rows_of_t() RETURNS BIGINT RETURN (SELECT count(*) FROM t)")
    assert both.ann.value("SELECT rows_of_t()") == 2
    assert "UNSUPPORTED_FEATURE" in both.ann.error(
        "CREATE FUNCTION startswith(a STRING, b STRING) RETURNS BOOLEAN RETURN true"
    )
    both.admin.run("CREATE FUNCTION all_of_t() RETURNS BIGINT RETURN (SELECT count(*) FROM t)")
    assert both.ann.value("SELECT all_of_t()") == 2


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("ALTER TABLE t SET ROW FILTER nothing ON (id)", "UNRESOLVED_ROUTINE"),
        ("ALTER TABLE t SET ROW FILTER mine ON (nope)", "UNRESOLVED_COLUMN"),
        ("ALTER TABLE t SET ROW FILTER mine ON (id, n)", "WRONG_NUM_ARGS"),
        ("ALTER TABLE t SET ROW FILTER veil ON (id, n)", "INVALID_ROW_FILTER_FUNCTION"),
        ("ALTER TABLE t ALTER COLUMN note SET MASK veil", "WRONG_NUM_ARGS"),
        ("CREATE TABLE q (a STRING MASK veil)", "UNSUPPORTED_FEATURE"),
        ("CREATE TABLE q (a STRING) WITH ROW FILTER mine ON (a)", "UNSUPPORTED_FEATURE"),
    ],
)
def test_policies_that_make_no_sense(users, statement, error):
    assert users.admin.error(statement).startswith(f"[{error}")


def test_policies_as_tables(both):
    where = both.catalog
    filters = both.ann.run(f"SELECT * FROM {where}.information_schema.row_filters")
    assert [tuple(row) for row in filters] == [
        (where, "default", "t", where, "default", "mine", "id")
    ]
    masks = both.ann.run(f"SELECT * FROM {where}.information_schema.column_masks")
    assert [tuple(row) for row in masks] == [
        (where, "default", "t", "note", where, "default", "veil", "n")
    ]
