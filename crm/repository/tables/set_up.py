"""Create or migrate the tables and grant rights on them, in separate parts.

A part that fails for lack of rights does not stop the others: what it would create may exist
without being visible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from crm.model.own_tables import ALL_TABLES
from crm.model.schema import TABLES
from crm.repository import _sql, ddl
from crm.repository.errors import NewerSchema
from crm.warehouse import Warehouse
from crm.warehouse.errors import (
    ObjectNotFound,
    PermissionDenied,
    StatementFailed,
)

from . import grants, migrations, privileges

Existing = Collection[tuple[str, str]]

_ONE_ROW = "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM {table} LIMIT 1) AS t"


class DroppedTables(migrations.CannotMigrate):
    """Tables are missing that had rows: empty ones in their place would hide the loss."""

    def __init__(self, names: Sequence[str]) -> None:
        them = "it" if len(names) == 1 else "them"
        super().__init__(
            f"Missing, although other tables have rows: {', '.join(names)}. Somebody dropped "
            f"{them}, or the right to see {them} is missing. UNDROP TABLE in the SQL editor, or "
            "“manage.py restore”, brings the rows back; “manage.py create_tables” creates empty "
            "tables."
        )


@dataclass(frozen=True)
class Part:
    """A part. ``statements`` are shown before it runs; ``run`` runs them and any others it
    needs."""

    name: str
    statements: Sequence[str]
    run: Callable[[], None]


@dataclass(frozen=True)
class Done:
    """A part that ran; ``problem`` is the reason of a failure, else empty."""

    part: Part
    problem: str = ""
    is_forbidden: bool = False


def plan(wh: Warehouse, history_days: int, rights: Iterable[str] = ()) -> list[Part]:
    """Return the remaining parts: none if the tables are up to date and there are no ``rights``.

    ``rights`` are GRANT statements. At most twelve statements. Raises WarehouseError,
    CannotMigrate, DroppedTables among them, and NewerSchema.
    """
    found = _existing(wh)
    _require_none_dropped(wh, found)
    parts = [
        *_create_containers(wh, found),
        *_create_tables(wh, found, history_days),
    ]
    if not parts:
        parts = list(_migrate(wh, history_days))
    return [*parts, *_one_by_one(wh, "Grant rights", rights)]


def run(parts: Iterable[Part]) -> Iterator[Done]:
    """Run the parts in order, and yield each when it is done.

    Raises WarehouseError unless the warehouse refuses the part itself.
    """
    for part in parts:
        try:
            part.run()
        except (PermissionDenied, ObjectNotFound) as error:
            yield Done(part, str(error), is_forbidden=True)
        except (StatementFailed, migrations.CannotMigrate, NewerSchema) as error:
            yield Done(part, str(error))
        else:
            yield Done(part)


def needed_rights(wh: Warehouse) -> list[str]:
    """Return the GRANTs that the present user needs to create the tables. One statement."""
    return grants.statements(grants.CREATOR, wh.namespace, privileges.current_user(wh))


def _existing(wh: Warehouse) -> Existing:
    """Return the existing, visible objects as (kind, name in lower case)."""
    sql, params = ddl.list_existing(wh.namespace)
    try:
        return {(row["what"], row["name"].lower()) for row in wh.query(sql, params)}
    except (ObjectNotFound, PermissionDenied):
        return ()


def _require_none_dropped(wh: Warehouse, found: Existing) -> None:
    """Raise DroppedTables if a table of records is missing, while another one has rows."""
    names = {table: f"{wh.namespace.prefix}{table.name}" for table in TABLES}
    missing = [name for name in names.values() if ("table", name.lower()) not in found]
    others = [table for table, name in names.items() if name not in missing]
    if not missing or not others:
        return
    counts = (
        _sql.render(wh.namespace, _ONE_ROW, table=wh.namespace.table(table)) for table in others
    )
    try:
        rows = wh.query(" UNION ALL ".join(counts))
    except (ObjectNotFound, PermissionDenied):
        return
    if any(row["n"] for row in rows):
        raise DroppedTables(missing)


def _create_containers(wh: Warehouse, found: Existing) -> Iterator[Part]:
    namespace = wh.namespace
    for what, name, sql in (
        ("catalog", namespace.catalog, ddl.create_catalog(namespace)),
        ("schema", namespace.schema, ddl.create_schema(namespace)),
    ):
        if (what, name.lower()) not in found:
            yield _part(wh, f"Create the {what} {name}", sql)


def _create_tables(wh: Warehouse, found: Existing, history_days: int) -> Iterator[Part]:
    """Yield parts that create missing tables. If all data tables exist, migrations create the
    others."""
    names = {table: f"{wh.namespace.prefix}{table.name}" for table in ALL_TABLES}
    if all(("table", names[table].lower()) in found for table in TABLES):
        return
    for table, name in names.items():
        if ("table", name.lower()) not in found:
            sql = ddl.create_table(table, wh.namespace, history_days)
            yield _part(wh, f"Create the table {name}", sql)


def _migrate(wh: Warehouse, history_days: int) -> Iterator[Part]:
    for step, statements in migrations.plan(wh, ddl.VERSION, history_days):

        def run(number: int = step.number) -> None:
            list(migrations.run(wh, number, history_days))

        yield Part(f"Migrate the tables, step {step.number}: {step.name}", statements, run)


def _one_by_one(wh: Warehouse, name: str, statements: Iterable[str]) -> Iterator[Part]:
    return (_part(wh, name, sql) for sql in statements)


def _part(wh: Warehouse, name: str, sql: str) -> Part:
    return Part(name, (sql,), partial(create, wh, sql))


def create(wh: Warehouse, sql: str) -> None:
    """Create what the statement creates, unless it exists. IF NOT EXISTS does not suffice if
    somebody else creates it at the same moment."""
    try:
        wh.execute(sql, repeatable=True)
    except StatementFailed as error:
        if not (error.error_class or "").endswith("ALREADY_EXISTS"):
            raise
