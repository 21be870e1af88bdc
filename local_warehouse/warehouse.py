"""One warehouse: runs statements of sessions, whatever protocol they came by."""

from __future__ import annotations

import threading
from pathlib import Path

from deltalake import DeltaTable

from . import description, writes
from .catalog import Catalog, Table
from .changes import Changes
from .commits import Commits
from .context import Context, Parts, Result
from .engine import Cancellation, Engine
from .faults import Faults
from .fill import fill
from .identity import Identities
from .parameters import Parameters
from .past import Past
from .prepare import Preparer, Query
from .privileges import Access
from .query_history import Entry, QueryHistory
from .running import Running
from .sessions import Session, Sessions
from .system_tables import snapshots

# Predictive optimization, in small: a table of more files than this is compacted.
FILES_BEFORE_COMPACTION = 48
COMMITS_BETWEEN_LOOKS = 16


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
        changes = Changes(catalog, commits, folder)
        self.identities = Identities(folder)
        history = QueryHistory()
        self.parts = Parts(
            folder, catalog, Engine(), commits, past, changes, history, self.identities
        )
        for table in catalog.all_tables():
            self.parts.engine.register(table.id, str(catalog.location(table)))
        self.running = Running()
        self.sessions = Sessions(idle_seconds)
        self.faults = Faults()
        self._preparer = Preparer(catalog)

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
        if isinstance(prepared, Query):
            with snapshots(context) as system_table:
                sql = fill(prepared.template, context, system_table=system_table)
                return Result(self.parts.engine.run(sql, cancellation))
        if isinstance(prepared, writes.Write):
            result = writes.run(prepared, context)
            self._maybe_compact(prepared.target)
            return result
        return prepared.run(context)

    def _maybe_compact(self, table: Table) -> None:
        if self.parts.commits.version(table) % COMMITS_BETWEEN_LOOKS == 0:
            threading.Thread(target=self._compact, args=[table], daemon=True).start()

    def _compact(self, table: Table) -> None:
        """Many small commits leave many small files, which every write then rewrites."""
        commits, location = self.parts.commits, self.parts.catalog.location(table)
        with commits.exclusively(table, Cancellation()):
            if not location.exists():
                return
            delta = DeltaTable(location)
            if len(delta.file_uris()) > FILES_BEFORE_COMPACTION:
                delta.optimize.compact()
                commits.record(table, commits.version(table), "System-User", "")
