"""The context of a statement: the warehouse's parts, the session, the parameters."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.identity import Identities
from local_warehouse.catalog.privileges import Access
from local_warehouse.delta.change_feed.changes import ChangeFeed
from local_warehouse.delta.change_feed.row_differences import RowDifferences
from local_warehouse.delta.commits import Commits
from local_warehouse.delta.time_travel import TimeTravel
from local_warehouse.delta.transactions import Transactions
from local_warehouse.delta.unneeded_files import UnneededFiles
from local_warehouse.sql.names import Resolver
from local_warehouse.sql.parameters import Parameters

from .cancellation import Cancellation
from .engine import Engine
from .query_history import QueryHistory
from .sessions import Session


@dataclass(frozen=True)
class Parts:
    """The parts of one warehouse, shared by all its statements."""

    folder: Path
    catalog: Catalog
    engine: Engine
    commits: Commits
    time_travel: TimeTravel
    row_differences: RowDifferences
    change_feed: ChangeFeed
    transactions: Transactions
    unneeded_files: UnneededFiles
    history: QueryHistory
    identities: Identities


@dataclass(frozen=True)
class Context:
    """One execution of one statement."""

    parts: Parts
    session: Session
    statement_id: str
    sql: str
    parameters: Parameters
    access: Access
    cancellation: Cancellation = field(default_factory=Cancellation)
    # Closed when the statement ends.
    resources: ExitStack = field(default_factory=ExitStack)

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.session.namespace, self.catalog, self.access)

    @property
    def catalog(self) -> Catalog:
        return self.parts.catalog

    @property
    def engine(self) -> Engine:
        return self.parts.engine

    @property
    def commits(self) -> Commits:
        return self.parts.commits
