"""A stand-in for the OpenTelemetry collector of Databricks Apps, which keeps what it receives."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

METHODS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": ExportTraceServiceResponse,
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": ExportMetricsServiceResponse,
}


@dataclass
class Collector(grpc.GenericRpcHandler):
    """:param received: the method and the content of each call."""

    received: list[tuple[str, bytes]] = field(default_factory=list)
    port: int = 0

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if call.method not in METHODS:
            return None

        def keep(content: bytes, context: grpc.ServicerContext) -> bytes:
            self.received.append((call.method, content))
            return METHODS[call.method]().SerializeToString()

        return grpc.unary_unary_rpc_method_handler(keep)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Databricks Apps sets once telemetry is switched on."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://localhost:{self.port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_RESOURCE_ATTRIBUTES": "app.name=edip-crm",
        }

    def spans(self) -> list[Span]:
        calls = [
            ExportTraceServiceRequest.FromString(content)
            for method, content in self.received
            if "TraceService" in method
        ]
        scopes = [scope for call in calls for r in call.resource_spans for scope in r.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def metrics(self) -> list[Metric]:
        calls = [
            ExportMetricsServiceRequest.FromString(content)
            for method, content in self.received
            if "MetricsService" in method
        ]
        scopes = [s for call in calls for r in call.resource_metrics for s in r.scope_metrics]
        return [metric for scope in scopes for metric in scope.metrics]


@contextmanager
def collector() -> Iterator[Collector]:
    server, keeper = grpc.server(ThreadPoolExecutor(2)), Collector()
    server.add_generic_rpc_handlers([keeper])
    keeper.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield keeper
    server.stop(0).wait()
