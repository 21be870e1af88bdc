"""Databricks SQL's Thrift service (TCLIService), as the connector calls it.

Each request has its own handler, which knows the user. The ``Processor`` that the connector ships
reads and writes the messages.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes
from databricks.sql.thrift_api.TCLIService.ttypes import TOperationState as State

from local_warehouse.catalog.catalog import Catalog
from local_warehouse.catalog.objects import DEFAULT_CATALOG, DEFAULT_SCHEMA
from local_warehouse.catalog.privileges import Access
from local_warehouse.catalog.securables import schema_securable
from local_warehouse.commands.use import check_setting
from local_warehouse.errors import InvalidHandle, SqlError, no_unity_catalog
from local_warehouse.result import Result
from local_warehouse.sessions import Session
from local_warehouse.sql.names import Namespace
from local_warehouse.sql.parameters import Parameters
from local_warehouse.warehouse import Warehouse

from . import metadata_calls
from .faults import Faults
from .operations import Operation, Operations
from .results import Pages, thrift_schema

VERSION = ttypes.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V7
# How long an answer waits for a statement to end; then the client asks again.
POLL_SECONDS = 5.0

OK = ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS)
_PREFIX = "spark."


class SessionRequest(Protocol):
    """A request about a session."""

    sessionHandle: ttypes.TSessionHandle


class OperationRequest(Protocol):
    """A request about an operation."""

    operationHandle: ttypes.TOperationHandle


class ListingRequest(SessionRequest, Protocol):
    """A metadata call: its operation ends at once."""

    getDirectResults: ttypes.TSparkGetDirectResults | None


Request = TypeVar("Request", bound=ListingRequest)
Response = TypeVar("Response")


def _error(error: Exception) -> ttypes.TStatus:
    code = ttypes.TStatusCode.ERROR_STATUS
    if isinstance(error, InvalidHandle):
        code = ttypes.TStatusCode.INVALID_HANDLE_STATUS
    sqlstate = getattr(error, "sqlstate", None)
    return ttypes.TStatus(code, sqlState=sqlstate, errorMessage=str(error))


def _guid(identifier: ttypes.THandleIdentifier) -> uuid.UUID:
    return uuid.UUID(bytes=identifier.guid)


def _identifier(value: uuid.UUID) -> ttypes.THandleIdentifier:
    return ttypes.THandleIdentifier(guid=value.bytes, secret=value.bytes)


@dataclass(frozen=True)
class Service:
    """The TCLIService calls of one user."""

    warehouse: Warehouse
    operations: Operations
    faults: Faults
    user: str

    # --- sessions ---
    def OpenSession(self, req: ttypes.TOpenSessionReq) -> ttypes.TOpenSessionResp:
        try:
            namespace = self._initial_namespace(req.initialNamespace)
            configuration = {
                name: check_setting(name.upper(), value)
                for name, value in (req.configuration or {}).items()
                if not name.lower().startswith(_PREFIX)
            }
        except SqlError as error:
            return ttypes.TOpenSessionResp(status=_error(error), serverProtocolVersion=VERSION)
        session = self.warehouse.sessions.open(self.user, namespace, configuration)
        return ttypes.TOpenSessionResp(
            status=OK,
            serverProtocolVersion=VERSION,
            sessionHandle=ttypes.TSessionHandle(_identifier(session.id), VERSION),
            configuration={},
            initialNamespace=ttypes.TNamespace(namespace.catalog, namespace.schema),
            canUseMultipleCatalogs=True,
        )

    def CloseSession(self, req: ttypes.TCloseSessionReq) -> ttypes.TCloseSessionResp:
        try:
            session = self._session(req)
        except InvalidHandle as error:
            return ttypes.TCloseSessionResp(status=_error(error))
        self.operations.close_session(session)
        self.warehouse.sessions.close(session.id)
        return ttypes.TCloseSessionResp(status=OK)

    def _session(self, req: SessionRequest) -> Session:
        return self.warehouse.sessions.get(_guid(req.sessionHandle.sessionId), self.user)

    def _initial_namespace(self, given: ttypes.TNamespace | None) -> Namespace:
        catalog = (given and given.catalogName) or DEFAULT_CATALOG
        schema = (given and given.schemaName) or DEFAULT_SCHEMA
        if given and (given.catalogName or given.schemaName):
            securable = schema_securable(catalog, schema)
            if given.catalogName and not self.warehouse.parts.catalog.unity:
                raise no_unity_catalog()
            self.warehouse.parts.catalog.schema(catalog, schema)
            self.warehouse.access(self.user).require("USE SCHEMA", securable)
        return Namespace(catalog.lower(), schema.lower())

    # --- statements ---
    def ExecuteStatement(self, req: ttypes.TExecuteStatementReq) -> ttypes.TExecuteStatementResp:
        try:
            self.faults.check_session("ExecuteStatement", req.statement)
            session = self._session(req)
            parameters = Parameters(req.parameters)
        except (InvalidHandle, SqlError) as error:
            return ttypes.TExecuteStatementResp(status=_error(error))
        arrow = req.useArrowNativeTypes
        operation = self.operations.start(
            session,
            req.statement,
            parameters,
            (req.confOverlay or {}).get("query_tags", ""),
            complex_as_arrow=bool(arrow and arrow.complexTypesAsArrow),
        )
        direct = None
        if req.getDirectResults is not None:
            operation.finished(POLL_SECONDS)
            direct = self._direct_results(operation, req.getDirectResults)
        handle = self._handle(operation)
        return ttypes.TExecuteStatementResp(
            status=OK, operationHandle=handle, directResults=direct
        )

    def GetOperationStatus(
        self, req: ttypes.TGetOperationStatusReq
    ) -> ttypes.TGetOperationStatusResp:
        try:
            operation = self._operation(req)
        except InvalidHandle as error:
            return ttypes.TGetOperationStatusResp(status=_error(error))
        operation.finished(POLL_SECONDS)
        return self._status(operation)

    def GetResultSetMetadata(
        self, req: ttypes.TGetResultSetMetadataReq
    ) -> ttypes.TGetResultSetMetadataResp:
        try:
            return _metadata(_pages(self._operation(req)))
        except (InvalidHandle, SqlError) as error:
            return ttypes.TGetResultSetMetadataResp(status=_error(error))

    def FetchResults(self, req: ttypes.TFetchResultsReq) -> ttypes.TFetchResultsResp:
        try:
            operation = self._operation(req)
            operation.finished(POLL_SECONDS)
            pages = _pages(operation)
        except (InvalidHandle, SqlError) as error:
            return ttypes.TFetchResultsResp(status=_error(error))
        rows = pages.next(req.maxRows or 0, req.maxBytes or 0)
        return ttypes.TFetchResultsResp(
            status=OK,
            hasMoreRows=pages.more,
            results=rows,
            resultSetMetadata=_metadata(pages) if req.includeResultSetMetadata else None,
        )

    def CancelOperation(self, req: ttypes.TCancelOperationReq) -> ttypes.TCancelOperationResp:
        try:
            self.operations.cancel(self._operation(req))
        except InvalidHandle as error:
            return ttypes.TCancelOperationResp(status=_error(error))
        return ttypes.TCancelOperationResp(status=OK)

    def CloseOperation(self, req: ttypes.TCloseOperationReq) -> ttypes.TCloseOperationResp:
        self.operations.close(_guid(req.operationHandle.operationId))
        return ttypes.TCloseOperationResp(status=OK)

    def _operation(self, req: OperationRequest) -> Operation:
        return self.operations.get(_guid(req.operationHandle.operationId), self.user)

    @staticmethod
    def _handle(operation: Operation) -> ttypes.TOperationHandle:
        kind = ttypes.TOperationType.EXECUTE_STATEMENT
        return ttypes.TOperationHandle(_identifier(operation.id), kind, hasResultSet=True)

    @staticmethod
    def _status(operation: Operation) -> ttypes.TGetOperationStatusResp:
        status = ttypes.TGetOperationStatusResp(
            status=OK,
            operationState=operation.state,
            hasResultSet=True,
            numModifiedRows=operation.modified_rows,
        )
        if operation.state == State.ERROR_STATE and operation.error is not None:
            status.sqlState = operation.error.sqlstate
            status.errorMessage = status.displayMessage = str(operation.error)
        return status

    def _direct_results(
        self, operation: Operation, limits: ttypes.TSparkGetDirectResults
    ) -> ttypes.TSparkDirectResults:
        direct = ttypes.TSparkDirectResults(operationStatus=self._status(operation))
        if operation.state != State.FINISHED_STATE:
            return direct
        pages = _pages(operation)
        direct.resultSetMetadata = _metadata(pages)
        rows = pages.next(limits.maxRows or 0, limits.maxBytes or 0)
        direct.resultSet = ttypes.TFetchResultsResp(
            status=OK, hasMoreRows=pages.more, results=rows
        )
        if not pages.more:
            self.operations.close(operation.id)
            direct.closeOperation = ttypes.TCloseOperationResp(status=OK)
        return direct

    # --- metadata calls, such as those of cursor.tables() ---
    def GetCatalogs(self, req: ttypes.TGetCatalogsReq) -> ttypes.TGetCatalogsResp:
        return self._listing(req, metadata_calls.catalogs, ttypes.TGetCatalogsResp)

    def GetSchemas(self, req: ttypes.TGetSchemasReq) -> ttypes.TGetSchemasResp:
        return self._listing(req, metadata_calls.schemas, ttypes.TGetSchemasResp)

    def GetTables(self, req: ttypes.TGetTablesReq) -> ttypes.TGetTablesResp:
        return self._listing(req, metadata_calls.tables, ttypes.TGetTablesResp)

    def GetColumns(self, req: ttypes.TGetColumnsReq) -> ttypes.TGetColumnsResp:
        return self._listing(req, metadata_calls.columns, ttypes.TGetColumnsResp)

    def _listing(
        self,
        req: Request,
        source: Callable[[Catalog, Access, Request], pa.Table],
        response: Callable[..., Response],
    ) -> Response:
        try:
            session = self._session(req)
            table = source(self.warehouse.parts.catalog, self.warehouse.access(self.user), req)
        except (InvalidHandle, SqlError) as error:
            return response(status=_error(error))
        call = type(req).__name__.removeprefix("T").removesuffix("Req")
        operation = self.operations.completed(session, Result(table), call)
        limits = req.getDirectResults
        direct = None if limits is None else self._direct_results(operation, limits)
        return response(status=OK, operationHandle=self._handle(operation), directResults=direct)


def _pages(operation: Operation) -> Pages:
    """Return the statement's result. Raises SqlError if it has none."""
    if operation.pages is None:
        name = State._VALUES_TO_NAMES[operation.state].removesuffix("_STATE").lower()
        raise SqlError("OPERATION_CANCELED", f"Operation {name}; no result.", "HY008")
    return operation.pages


def _metadata(pages: Pages) -> ttypes.TGetResultSetMetadataResp:
    schema = pages.table.schema
    return ttypes.TGetResultSetMetadataResp(
        status=OK,
        schema=thrift_schema(schema),
        resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
        lz4Compressed=False,
        arrowSchema=schema.serialize().to_pybytes(),
        isStagingOperation=False,
    )
