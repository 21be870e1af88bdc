"""Operations: statements that clients run, poll, fetch and cancel."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor, wait

from databricks.sql.thrift_api.TCLIService.ttypes import TOperationState as State

from local_warehouse.cancellation import Cancellation
from local_warehouse.errors import Cancelled, InvalidHandle, SqlError, unexpected
from local_warehouse.query_history import Entry
from local_warehouse.result import Result
from local_warehouse.sessions import Session
from local_warehouse.sql.parameters import Parameters
from local_warehouse.warehouse import Warehouse

from .faults import Faults
from .results import Pages, to_wire

# More threads than clients need, so that writers that wait for a table do not block readers.
WORKERS = 256


class Operation:
    """One statement that a client runs; ``state`` is a TOperationState."""

    def __init__(self, session: Session, entry: Entry, complex_as_arrow: bool) -> None:
        self.id = uuid.UUID(entry.statement_id)
        self.session = session
        self.entry = entry
        self.complex_as_arrow = complex_as_arrow
        self.state = State.RUNNING_STATE
        self.error: SqlError | None = None
        self.modified_rows: int | None = None
        self.pages: Pages | None = None
        self.cancellation = Cancellation()
        self.done: Future[None] | None = None
        self._ending = threading.Lock()

    def run(self, warehouse: Warehouse, faults: Faults, parameters: Parameters) -> None:
        """Run the statement, and keep its result or its error."""
        try:
            faults.before_execution(self.entry.text, self.cancellation)
            result = warehouse.execute(self.session, self.entry, parameters, self.cancellation)
            self._finish(warehouse, result)
        except SqlError as error:
            self._end(warehouse, State.ERROR_STATE, error=error)
        except Cancelled:
            self._end(warehouse, State.CANCELED_STATE)
        except Exception as error:
            self._end(warehouse, State.ERROR_STATE, error=unexpected(error))
            raise

    def stop(self, warehouse: Warehouse, state: int) -> None:
        """End the operation at once, and cancel the statement."""
        self._end(warehouse, state)
        self.cancellation.request()

    def finished(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for the statement to end; return whether it has."""
        if self.state == State.RUNNING_STATE and self.done is not None:
            wait([self.done], timeout=seconds)
        return self.state != State.RUNNING_STATE

    def _finish(self, warehouse: Warehouse, result: Result) -> None:
        pages = Pages(to_wire(result.table, self.complex_as_arrow))
        self._end(warehouse, State.FINISHED_STATE, pages, result.modified_rows)

    def _end(
        self,
        warehouse: Warehouse,
        state: int,
        pages: Pages | None = None,
        modified_rows: int | None = None,
        error: SqlError | None = None,
    ) -> None:
        with self._ending:
            if self.state != State.RUNNING_STATE:
                return
            self.pages, self.modified_rows, self.error = pages, modified_rows, error
            rows = modified_rows
            if rows is None and pages is not None:
                rows = pages.table.num_rows
            name = State._VALUES_TO_NAMES[state].removesuffix("_STATE")
            text = None if error is None else str(error)
            warehouse.parts.history.end(self.entry, name, rows, text)
            self.state = state


class Operations:
    """The operations that clients have not closed."""

    def __init__(self, warehouse: Warehouse, faults: Faults) -> None:
        self._warehouse = warehouse
        self._faults = faults
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="statement")
        self._known: dict[uuid.UUID, Operation] = {}
        # A workspace without this preview refuses statements that have tags.
        self.takes_tags = True

    def start(
        self,
        session: Session,
        text: str,
        parameters: Parameters,
        query_tags: str,
        complex_as_arrow: bool,
    ) -> Operation:
        """Start a statement in a thread, and its timeout."""
        entry = self._warehouse.parts.history.start(
            str(uuid.uuid4()), str(session.id), session.user, text, query_tags
        )
        operation = Operation(session, entry, complex_as_arrow)
        self._known[operation.id] = operation
        if query_tags and not self.takes_tags:
            message = "Configuration query_tags is not available."
            error = SqlError("CONFIG_NOT_AVAILABLE", message, "42K0I")
            operation._end(self._warehouse, State.ERROR_STATE, error=error)
            return operation
        done = self._workers.submit(operation.run, self._warehouse, self._faults, parameters)
        operation.done = done
        if session.statement_timeout:
            timer = self._stop_later(operation, session.statement_timeout)
            done.add_done_callback(lambda _: timer.cancel())
        return operation

    def completed(self, session: Session, result: Result, text: str) -> Operation:
        """Return an operation that has already ended, for metadata calls such as GetTables."""
        entry = self._warehouse.parts.history.start(
            str(uuid.uuid4()), str(session.id), session.user, text, ""
        )
        operation = Operation(session, entry, complex_as_arrow=True)
        operation._finish(self._warehouse, result)
        self._known[operation.id] = operation
        return operation

    def get(self, operation_id: uuid.UUID, user: str) -> Operation:
        """Return a user's operation. Raises InvalidHandle."""
        operation = self._known.get(operation_id)
        if operation is None or operation.session.user != user:
            raise InvalidHandle(f"Invalid OperationHandle: OperationHandle [{operation_id}]")
        return operation

    def cancel(self, operation: Operation) -> None:
        operation.stop(self._warehouse, State.CANCELED_STATE)

    def close(self, operation_id: uuid.UUID) -> None:
        self._known.pop(operation_id, None)

    def close_session(self, session: Session) -> None:
        """Cancel and close all operations of a session."""
        # Others may begin statements meanwhile, so iterate over a copy.
        for operation in [o for o in list(self._known.values()) if o.session is session]:
            self.cancel(operation)
            self.close(operation.id)

    def _stop_later(self, operation: Operation, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, operation.stop, [self._warehouse, State.TIMEDOUT_STATE])
        timer.daemon = True
        timer.start()
        return timer
