"""Commands: the statements that the warehouse runs itself, without the engine.

To add a command, write a function ``(words, context) -> Result`` in the module of its family,
and add its leading words to ``COMMANDS``, longer beginnings before shorter ones. One module
for each family makes more files than other packages have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot.tokenizer_core import Token

from local_warehouse.catalog.securables import Need
from local_warehouse.context import Context
from local_warehouse.errors import syntax_error, unsupported
from local_warehouse.result import Result
from local_warehouse.sql.parsing import Words

from . import (
    alter,
    create,
    describe,
    drop,
    functions,
    grants,
    history,
    restore,
    show,
    upkeep,
    use,
)

Function = Callable[[Words, Context], Result]

COMMANDS: tuple[tuple[str, Function], ...] = (
    ("CREATE CATALOG", create.catalog),
    ("CREATE SCHEMA", create.schema),
    ("CREATE DATABASE", create.schema),
    ("CREATE TABLE", create.table),
    ("CREATE OR REPLACE TABLE", create.replace_table),
    ("CREATE FUNCTION", functions.create),
    ("CREATE OR REPLACE FUNCTION", functions.create),
    ("RESTORE", restore.restore),
    ("OPTIMIZE", upkeep.optimize),
    ("VACUUM", upkeep.vacuum),
    ("ALTER TABLE", alter.table),
    ("COMMENT ON", alter.comment),
    ("DROP CATALOG", drop.catalog),
    ("DROP SCHEMA", drop.schema),
    ("DROP DATABASE", drop.schema),
    ("DROP TABLE", drop.table),
    ("DROP FUNCTION", functions.drop),
    ("DESCRIBE HISTORY", history.describe_history),
    ("DESC HISTORY", history.describe_history),
    ("DESCRIBE DETAIL", describe.detail),
    ("DESCRIBE SCHEMA", describe.schema),
    ("DESCRIBE CATALOG", describe.catalog),
    ("DESCRIBE FUNCTION", functions.describe),
    ("DESC FUNCTION", functions.describe),
    ("DESCRIBE", describe.table),
    ("DESC", describe.table),
    ("SHOW CATALOGS", show.catalogs),
    ("SHOW SCHEMAS", show.schemas),
    ("SHOW DATABASES", show.schemas),
    ("SHOW TABLES", show.tables),
    ("SHOW FUNCTIONS", functions.show),
    ("SHOW USER FUNCTIONS", functions.show),
    ("SHOW COLUMNS", show.columns),
    ("SHOW TBLPROPERTIES", show.properties),
    ("SHOW GRANTS", grants.show),
    ("SHOW GRANT", grants.show),
    ("GRANT", grants.grant),
    ("REVOKE", grants.revoke),
    ("USE", use.use),
    ("SET", use.set_configuration),
)

# Statements of Databricks that neither a command here nor the parser knows.
UNSUPPORTED = (
    "BEGIN",
    "CONVERT TO DELTA",
    "DENY",
    "FSCK REPAIR TABLE",
    "GENERATE",
    "MERGE WITH SCHEMA EVOLUTION",
    "PUT",
    "REORG TABLE",
    "REPLACE TABLE",
    "SYNC",
    "UNDROP",
)


@dataclass(frozen=True)
class Command:
    """A command that a statement begins with; ``run`` reads the rest of the words."""

    words: str
    function: Function
    needs: tuple[Need, ...] = ()  # a command checks privileges itself, whenever it runs

    def run(self, context: Context) -> Result:
        words = Words(context.sql, context.parameters)
        words.expect(*self.words.split())
        return self.function(words, context)


def find_command(tokens: list[Token]) -> Command | None:
    """Return the command that a statement's tokens begin with; None for queries and writes.

    Raises SqlError (UNSUPPORTED_FEATURE) for statements that only Databricks has.
    """
    if not tokens:
        raise syntax_error("at or near end of input")
    beginning = [token.text.upper() for token in tokens[:4]]
    for words, function in COMMANDS:
        expected = words.split()
        if beginning[: len(expected)] == expected:
            return Command(words, function)
    for words in UNSUPPORTED:
        if beginning[: len(words.split())] == words.split():
            raise unsupported(" ".join(beginning[:2]) if words == "BEGIN" else words)
    return None
