"""NOT NULL and CHECK are enforced, primary and foreign keys are not."""

from __future__ import annotations


def test_not_null_can_be_set_and_dropped(tables):
    tables.change("INSERT INTO accounts VALUES ('1', NULL, 5)")
    refused = tables.error("ALTER TABLE accounts ALTER COLUMN team SET NOT NULL")
    assert "[DELTA_NOT_NULL_CONSTRAINT_VIOLATED]" in refused
    tables.change("UPDATE accounts SET team = 'x'")
    tables.run("ALTER TABLE accounts ALTER COLUMN team SET NOT NULL")
    for write in (
        "INSERT INTO accounts (bsnid) VALUES ('2')",
        "UPDATE accounts SET team = NULL",
        "MERGE INTO accounts a USING (SELECT '3' AS id) s ON a.bsnid = s.id "
        "WHEN NOT MATCHED THEN INSERT (bsnid) VALUES (s.id)",
    ):
        assert "SQLSTATE: 23502" in tables.error(write)
    tables.run("ALTER TABLE accounts ALTER COLUMN team DROP NOT NULL")
    assert tables.change("INSERT INTO accounts (bsnid) VALUES ('2')") == 1


def test_check_constraint_guards_every_kind_of_write(tables):
    tables.change("INSERT INTO accounts VALUES ('1', 'x', 5)")
    tables.run("ALTER TABLE accounts ADD CONSTRAINT positive CHECK (seats > 0)")
    for write in (
        "INSERT INTO accounts VALUES ('2', 'y', 0)",
        "INSERT INTO accounts SELECT '2', 'y', -1",
        "UPDATE accounts SET seats = seats - 5",
        "UPDATE accounts SET seats = 0, team = 'z' WHERE bsnid = '1'",
        "MERGE INTO accounts a USING (SELECT '1' AS id) s ON a.bsnid = s.id "
        "WHEN MATCHED THEN UPDATE SET a.seats = -1",
        "MERGE INTO accounts a USING (SELECT '2' AS bsnid, 'y' AS team, 0 AS seats) s "
        "ON a.bsnid = s.bsnid WHEN NOT MATCHED THEN INSERT *",
        "MERGE INTO accounts a USING (SELECT '1' AS bsnid, 'y' AS team, 0 AS seats) s "
        "ON a.bsnid = s.bsnid WHEN MATCHED THEN UPDATE SET *",
    ):
        error = tables.error(write)
        assert "[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint positive" in error
        assert "SQLSTATE: 23001" in error
    assert [tuple(row) for row in tables.run("SELECT * FROM accounts")] == [("1", "x", 5)]
    assert tables.change("UPDATE accounts SET seats = seats + 1") == 1
    tables.run("ALTER TABLE accounts DROP CONSTRAINT positive")
    assert tables.change("UPDATE accounts SET seats = 0") == 1


def test_check_constraint_is_refused_where_rows_break_it(tables):
    tables.change("INSERT INTO accounts VALUES ('1', 'x', 0)")
    error = tables.error("ALTER TABLE accounts ADD CONSTRAINT positive CHECK (seats > 0)")
    assert "[DELTA_NEW_CHECK_CONSTRAINT_VIOLATION]" in error
    assert tables.change("UPDATE accounts SET seats = -1") == 1


def test_keys_are_not_enforced(tables):
    tables.change("INSERT INTO accounts (bsnid) VALUES ('1'), ('1')")
    tables.change("INSERT INTO cases VALUES ('c', 'no such account')")
    assert tables.value("SELECT count(*) FROM accounts WHERE bsnid = '1'") == 2
