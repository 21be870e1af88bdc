"""Counters of this process, and of all processes of an instance, in Prometheus' text format.

Each process counts separately. If a folder is given, each process also writes its numbers there
every two seconds, so that the process which answers /metrics can add them up. The counts of a
process that has ended stay in the sum, because counters must never fall.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

# Upper limits of the histograms, in seconds.
LIMITS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
WRITTEN_EVERY = 2.0

# name -> (type, help)
METRICS = {
    "edip_requests_total": ("counter", "Requests, by page and HTTP status"),
    "edip_request_seconds": ("histogram", "Time to answer a request, by page"),
    "edip_refusals_total": ("counter", "Requests that were refused, by reason"),
    "edip_statements_total": ("counter", "Statements, by verb and outcome"),
    "edip_statement_seconds": ("histogram", "Time of a statement with its repetitions, by verb"),
    "edip_pool_wait_seconds": ("histogram", "Wait for a connection, opening it included"),
    "edip_operation_statements_total": ("counter", "Writes of rows, by kind of operation"),
    "edip_faults_total": ("counter", "Failures of statements, by kind"),
    "edip_connections_open": ("gauge", "Open connections to the warehouse"),
    "edip_breaker_open": ("gauge", "Processes that hold statements back, as nothing answers"),
}

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels]

_lock = threading.Lock()
_counts: Counter[Sample] = Counter()
_file: Path | None = None
# A listener that also gets each number: (name, value, labels).
Listener = Callable[[str, float, Mapping[str, str]], None]
_listener: Listener | None = None


def set_listener(listener: Listener | None) -> None:
    """Pass each number to the listener from now on; None removes the listener."""
    global _listener
    _listener = listener


def count(name: str, amount: float = 1, **labels: str) -> None:
    with _lock:
        _counts[name, _sorted(labels)] += amount  # type: ignore[assignment]  # floats, too
    if listener := _listener:  # read once: ``set_listener`` may run meanwhile
        listener(name, amount, labels)


def observe(name: str, value: float, **labels: str) -> None:
    """Add a value to a histogram."""
    limits = [f"{limit:g}" for limit in LIMITS if value <= limit]
    with _lock:
        for limit in (*limits, "+Inf"):
            _counts[f"{name}_bucket", _sorted({**labels, "le": limit})] += 1
        _counts[f"{name}_sum", _sorted(labels)] += value  # type: ignore[assignment]
        _counts[f"{name}_count", _sorted(labels)] += 1
    if listener := _listener:
        listener(name, value, labels)


def share(folder: Path, gauges: Callable[[], Mapping[str, float]]) -> None:
    """Write this process's numbers into the folder from now on."""
    global _file
    # A later process may get the same id.
    _file = folder / f"{os.getpid()}-{time.monotonic_ns()}.json"
    with _lock:
        _counts.clear()  # the parent's counts from before the fork
    args = (_file, gauges)
    threading.Thread(target=_write_forever, args=args, daemon=True, name="metrics").start()


def text(gauges: Callable[[], Mapping[str, float]]) -> str:
    """Return the sums over all processes that share the folder; without one, this process's
    counts."""
    sums = Counter[Sample]()
    for samples in _others():
        sums.update(samples)
    sums.update(_samples(gauges))
    lines: list[str] = []
    for name, (kind, help) in METRICS.items():
        names = {name} if kind != "histogram" else {f"{name}_{x}" for x in _PARTS}
        found = sorted((each for each in sums if each[0] in names), key=_place)
        if found:
            lines += [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
            lines += [f"{each[0]}{_braces(each[1])} {sums[each]:.10g}" for each in found]
    return "\n".join([*lines, ""])


_PARTS = ("bucket", "sum", "count")


def _place(sample: Sample) -> tuple[Labels, int, float]:
    """Return the sort key of a sample: its labels, its part of a histogram, its bucket."""
    name, labels = sample
    others = tuple(pair for pair in labels if pair[0] != "le")
    part = name.rpartition("_")[2]
    return others, _PARTS.index(part) if part in _PARTS else 0, float(dict(labels).get("le", 0))


def _sorted(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _braces(labels: Labels) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    inside = ",".join(f'{name}="{escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _samples(gauges: Callable[[], Mapping[str, float]]) -> dict[Sample, float]:
    with _lock:
        found: dict[Sample, float] = dict(_counts)
    return found | {(name, ()): value for name, value in gauges().items()}


def _write_forever(file: Path, gauges: Callable[[], Mapping[str, float]]) -> None:
    written = None
    while True:
        time.sleep(WRITTEN_EVERY)
        content = json.dumps(list(_samples(gauges).items()))
        if content != written:
            written = content
            with suppress(OSError):
                temporary = file.with_suffix(".tmp")
                temporary.write_text(content)
                temporary.replace(file)


def _others() -> Iterable[dict[Sample, float]]:
    """Yield the numbers of the other processes; without gauges for processes that have ended."""
    for file in _file.parent.glob("*.json") if _file else ():
        if file == _file:
            continue
        with suppress(OSError, ValueError):
            samples = {
                (name, tuple((label, value) for label, value in labels)): number
                for (name, labels), number in json.loads(file.read_text())
            }
            try:
                # All processes of an instance run as one user, so the check is allowed.
                os.kill(int(file.name.partition("-")[0]), 0)
            except ProcessLookupError:
                samples = {each: n for each, n in samples.items() if not _is_gauge(each[0])}
            yield samples


def _is_gauge(name: str) -> bool:
    return METRICS.get(name, ("",))[0] == "gauge"
