"""Sends requests, statements and counters to an OpenTelemetry collector: an optional extra.

It is on if the environment names a collector, as on Databricks Apps with app telemetry, and the
packages of requirements-otel.txt are installed. The collector gets the content of the log lines,
but no names of people: the tables to which Databricks writes it may have more readers than the
log.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from crm import metrics

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger("crm.telemetry")

# Seconds for sending the rest when a process ends; Databricks Apps gives the process 15 in all.
LAST_SECONDS = 2.0

_tracer: Tracer | None = None
_ends: list[Callable[[], object]] = []


def start(gauges: Callable[[], Mapping[str, float]]) -> None:
    """Start sending, if there is a collector; otherwise log the reason.

    It starts threads, so each process calls it after its fork.
    """
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    if (protocol := os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc") != "grpc":
        log.warning("No telemetry: OTEL_EXPORTER_OTLP_PROTOCOL is %s, not grpc", protocol)
        return
    try:
        _start(gauges)
    except ImportError:
        log.warning("No telemetry: the packages of requirements-otel.txt are not installed")


def stop() -> None:
    """Send the rest, and stop; do not wait longer for a collector that does not answer."""
    global _tracer
    _tracer = None
    metrics.set_listener(None)
    threads = [threading.Thread(target=end, daemon=True) for end in _ends]
    _ends.clear()
    for thread in threads:
        thread.start()
    until = time.monotonic() + LAST_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _start(gauges: Callable[[], Mapping[str, float]]) -> None:
    """Start sending. Raises ImportError if the packages are not installed."""
    global _tracer
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = _resource()
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    _ends[:] = [tracers.shutdown, meters.shutdown]
    _tracer = tracers.get_tracer("edip-crm")
    _pass_on_counters(meters.get_meter("edip-crm"), gauges)


def _resource() -> Resource:
    """Return the attributes of the sender: the platform's, and the process id."""
    from opentelemetry.sdk.resources import Resource

    # Without it, the counters of two processes would be mixed up.
    attributes = {"service.instance.id": str(uuid.uuid4())}
    given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "service.name=" not in given and not os.environ.get("OTEL_SERVICE_NAME"):
        attributes["service.name"] = "edip-crm"
    return Resource.create(attributes)


# --- requests and statements ---
def begin_request() -> Span | None:
    """Return the request's span; None if telemetry is off."""
    if not (tracer := _tracer):  # read once: ``stop`` may run meanwhile
        return None
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind

    return tracer.start_span("request", Context(), SpanKind.SERVER)


def end_request(span: Span | None, fields: Mapping[str, Any]) -> None:
    """End a request's span, with the fields of its log line."""
    if not span:
        return
    span.update_name(f"{fields['method']} {fields['route']}")
    attributes = {
        "http.request.method": fields["method"],
        "http.route": fields["route"],
        "http.response.status_code": fields["status"],
        "edip.request": fields["request"],
        "edip.statements": fields["statements"],
        "edip.pool_wait_ms": fields["pool_wait_ms"],
        "edip.refusal": fields.get("refusal", ""),
    }
    span.set_attributes({name: value for name, value in attributes.items() if value != ""})
    if fields["status"] >= 500:
        _set_failed(span, str(fields["status"]))
    span.end()


def note_statement(
    label: str, seconds: float, query_id: str | None, failure: str, request: Span | None
) -> None:
    """Send a span for a statement that has just ended, as a child of its request's span."""
    if not (tracer := _tracer):
        return
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind, set_span_in_context

    verb, _, table = label.partition(" ")
    attributes = {
        "db.system.name": "databricks",
        "db.operation.name": verb,
        "db.collection.name": table,
        "edip.query": query_id or "",
    }
    span = tracer.start_span(
        label,
        set_span_in_context(request) if request else Context(),
        SpanKind.CLIENT,
        {name: value for name, value in attributes.items() if value},
        start_time=time.time_ns() - round(seconds * 1e9),
    )
    if failure:
        _set_failed(span, failure)
    span.end()


def _set_failed(span: Span, kind: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


# --- counters ---
def _pass_on_counters(meter: Meter, gauges: Callable[[], Mapping[str, float]]) -> None:
    """Pass each number of ``metrics`` to the meter from now on."""
    tell: dict[str, Callable[[float, Mapping[str, str]], None]] = {}
    for name, (kind, help) in metrics.METRICS.items():
        if kind == "counter":
            tell[name] = meter.create_counter(name, description=help).add
        elif kind == "histogram":
            limits = list(metrics.LIMITS)
            tell[name] = meter.create_histogram(
                name, "s", help, explicit_bucket_boundaries_advisory=limits
            ).record
        else:
            meter.create_observable_gauge(name, [_reader(name, gauges)], description=help)
    metrics.set_listener(lambda name, value, labels: tell[name](value, labels))


def _reader(
    name: str, gauges: Callable[[], Mapping[str, float]]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(options: CallbackOptions) -> Iterable[Observation]:
        from opentelemetry.metrics import Observation

        return [Observation(gauges()[name])]

    return read
