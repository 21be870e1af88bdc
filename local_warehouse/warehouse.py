"""One warehouse: it runs the statements of sessions."""

from __future__ import annotations

import shutil
from pathlib import Path

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.identity import Identities
from local_warehouse.catalog.objects import Table
from local_warehouse.catalog.privileges import Access
from local_warehouse.context import Context, Parts
from local_warehouse.delta.auto_optimize import AutoOptimize
from local_warehouse.delta.change_feed.changes import ChangeFeed
from local_warehouse.delta.change_feed.row_differences import RowDifferences
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.time_travel import TimeTravel
from local_warehouse.delta.transactions import Transactions
from local_warehouse.delta.unneeded_files import UnneededFiles
from local_warehouse.query_history import Entry, QueryHistory
from local_warehouse.result import Result
from local_warehouse.sql.parameters import Parameters
from local_warehouse.statements.atomic_block import Block
from local_warehouse.statements.atomic_block import run as run_block
from local_warehouse.statements.bind import bind
from local_warehouse.statements.query import Query
from local_warehouse.statements.system_tables import snapshots
from local_warehouse.statements.write import Write

from .cancellation import Cancellation
from .commands import Command
from .delta import metadata
from .engine import Engine
from .prepare import Preparer
from .result_cache import ResultCache
from .sessions import Session, Sessions
from .statements import prepare_write


class Warehouse:
    """The warehouse behind the HTTP endpoints: catalog, engine, sessions, statement log."""

    def __init__(self, folder: Path, idle_seconds: float = 900) -> None:
        engine = Engine()  # which starts while the catalog is read
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob("snapshot-*.parquet"):
            left_over.unlink()
        shutil.rmtree(folder / "staged", ignore_errors=True)
        catalog = Catalog(folder)
        commits = Commits(catalog, folder)
        transactions = Transactions(catalog, commits, folder)
        metadata.update_catalog_from_logs(catalog)
        time_travel = TimeTravel(catalog, commits, folder)
        row_differences = RowDifferences(catalog)
        change_feed = ChangeFeed(catalog, commits, row_differences, folder)
        unneeded_files = UnneededFiles(catalog, commits, time_travel, change_feed)
        self.identities = Identities(folder)
        self.parts = Parts(
            folder=folder,
            catalog=catalog,
            engine=engine,
            commits=commits,
            time_travel=time_travel,
            row_differences=row_differences,
            change_feed=change_feed,
            transactions=transactions,
            unneeded_files=unneeded_files,
            history=QueryHistory(),
            identities=self.identities,
        )
        for table in catalog.all_tables():
            engine.register(table.id, str(catalog.location(table)))
        self.sessions = Sessions(idle_seconds)
        self._preparer = Preparer(catalog)
        self.auto_optimize = AutoOptimize(catalog, commits, unneeded_files)
        self.results = ResultCache(catalog, commits)

    def stop(self) -> None:
        self.parts.transactions.stop()
        self.parts.engine.stop()

    def forget(self, table: Table, after: int) -> None:
        """Discard what the caches hold of the table's versions later than ``after``."""
        self.parts.commits.forget(table)
        self.parts.time_travel.forget(table)
        self.parts.change_feed.forget(table)
        self.parts.row_differences.forget(table, after)
        self.auto_optimize.forget(table)
        self.results.forget(table, after)

    def access(self, user: str) -> Access:
        """Return what a user may do."""
        return Access(self.parts.catalog, self.identities, user)

    def execute(
        self,
        session: Session,
        entry: Entry,
        parameters: Parameters,
        cancellation: Cancellation,
    ) -> Result:
        """Run one statement. Raises SqlError or Cancelled."""
        access = self.access(session.user)
        context = Context(
            self.parts, session, entry.statement_id, entry.text, parameters, access, cancellation
        )
        prepared = self._preparer.prepare(entry.text, session.namespace, access)
        # It may have been prepared for another user, or before a grant was revoked.
        access.require_all(prepared.needs)
        with context.resources:
            if isinstance(prepared, Query):
                return self._query(prepared, context, entry)
            return self._run(prepared, context)

    def _query(self, query: Query, context: Context, entry: Entry) -> Result:
        publication = self.parts.transactions.publication
        with publication.reading(), snapshots(context) as system_table:
            sql = bind(query.template, context, system_table=system_table)
            if not (
                query.is_repeatable and context.session.uses_cached_results and self.results.is_on
            ):
                return Result(self.parts.engine.run(sql, context.cancellation))
            key = self.results.key(sql)
            table = self.results.get(key)
            entry.from_result_cache = table is not None
            if table is None:
                table = self.parts.engine.run(sql, context.cancellation)
                self.results.put(sql, key, table)
            return Result(table)

    def _run(self, prepared: Write | Block | Command, context: Context) -> Result:
        if isinstance(prepared, Write):
            result = prepare_write.run(prepared, context)
            self.auto_optimize.after_write(prepared.target)
            return result
        if isinstance(prepared, Block):
            result = run_block(prepared, context)
            for table in prepared.targets.values():
                self.auto_optimize.after_write(table)
            return result
        return prepared.run(context)
