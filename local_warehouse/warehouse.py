"""One warehouse: runs statements of sessions, whatever protocol they came by."""

from __future__ import annotations

from pathlib import Path

from . import description, writes
from .catalog import Catalog
from .changes import Changes
from .commits import Commits
from .context import Context, Parts, Result
from .differences import Differences
from .engine import Cancellation, Engine
from .faults import Faults
from .fill import fill
from .identity import Identities
from .parameters import Parameters
from .past import Past
from .prepare import Prepared, Preparer, Query
from .privileges import Access
from .query_history import Entry, QueryHistory
from .running import Running
from .sessions import Session, Sessions
from .system_tables import snapshots
from .tending import Tending
from .write import Write


class Warehouse:
    """Everything behind the wire: catalog, engine, sessions, faults, statement log."""

    def __init__(self, folder: Path, idle_seconds: float = 900) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob("snapshot-*.parquet"):
            left_over.unlink()
        catalog = Catalog(folder)
        description.catch_up(catalog)
        commits = Commits(catalog, folder)
        past = Past(catalog, commits, folder)
        differences = Differences(catalog)
        self.identities = Identities(folder)
        self.parts = Parts(
            folder=folder,
            catalog=catalog,
            engine=Engine(),
            commits=commits,
            past=past,
            differences=differences,
            changes=Changes(catalog, commits, differences, folder),
            history=QueryHistory(),
            identities=self.identities,
        )
        for table in catalog.all_tables():
            self.parts.engine.register(table.id, str(catalog.location(table)))
        self.running = Running()
        self.sessions = Sessions(idle_seconds)
        self.faults = Faults()
        self._preparer = Preparer(catalog)
        self._tending = Tending(catalog, commits)

    def stop(self) -> None:
        self.parts.engine.stop()

    def access(self, user: str) -> Access:
        return Access(self.parts.catalog, self.identities, user)

    def execute(
        self,
        session: Session,
        entry: Entry,
        parameters: Parameters,
        cancellation: Cancellation,
    ) -> Result:
        """Run one statement. Raises SqlError or Cancelled."""
        self.faults.before_execution(entry.text, cancellation)
        access = self.access(session.user)
        context = Context(
            self.parts, session, entry.statement_id, entry.text, parameters, access, cancellation
        )
        prepared = self._preparer.prepare(entry.text, session.namespace, access)
        # It may have been prepared for somebody else, or before a grant was revoked.
        access.meet(prepared.needs)
        with context.using:
            return self._run(prepared, context)

    def _run(self, prepared: Prepared, context: Context) -> Result:
        if isinstance(prepared, Query):
            with snapshots(context) as system_table:
                sql = fill(prepared.template, context, system_table=system_table)
                return Result(self.parts.engine.run(sql, context.cancellation))
        if isinstance(prepared, Write):
            result = writes.run(prepared, context)
            self._tending.written(prepared.target)
            return result
        return prepared.run(context)
