"""End a loop after the present step when the process gets a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def until(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items until SIGTERM or SIGINT comes; a second one ends the process at once.

    Then raises SystemExit, after the present item.
    """
    if threading.current_thread() is not threading.main_thread():
        yield from items
        return
    asked: list[int] = []

    def stop(number: int, frame: Any) -> None:
        asked.append(number)
        _restore(earlier)

    earlier = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        for item in items:
            yield item
            if asked:
                raise SystemExit(128 + asked[0])
    finally:
        _restore(earlier)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
