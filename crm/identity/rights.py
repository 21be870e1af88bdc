"""What people may do: as settings say, or as Unity Catalog does."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.namespace import Namespace
from crm.repository.tables import privileges
from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig

# A right that was granted or taken shows so many seconds later. Unity Catalog itself checks
# each statement, so what a page offers too long is refused when it is used.
REMEMBERED = 600.0
_MOST_REMEMBERED = 2000


def is_among(email: str, listed: Iterable[str]) -> bool:
    """Whether the e-mail, or its domain (``example.com`` or ``@example.com``), is listed."""
    name = email.strip().lower()
    domain = name.rpartition("@")[2] if "@" in name else ""
    wanted = {entry.strip().lower().removeprefix("@") for entry in listed if entry.strip()}
    return bool(name) and (name in wanted or domain in wanted)


class _Memory:
    """Answers, for a while. Keys hold tokens: never shown, never logged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[Any, tuple[float, Any]] = OrderedDict()

    def recall(self, key: Any, ask: Callable[[], Any]) -> Any:
        now = time.monotonic()
        with self._lock:
            then, answer = self._answers.get(key, (-REMEMBERED, None))
        if now - then < REMEMBERED:
            return answer
        answer = ask()
        with self._lock:
            self._answers[key] = (now, answer)
            while len(self._answers) > _MOST_REMEMBERED:
                self._answers.popitem(last=False)
        return answer

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()


_memory = _Memory()
forget_all = _memory.clear


@dataclass(frozen=True)
class Granted:
    """The rights that Unity Catalog gives to the person whose warehouse this is."""

    open_warehouse: Callable[[], Warehouse] = field(repr=False)

    def may_write(self) -> bool:
        wh = self.open_warehouse()
        return _memory.recall(("write", *_who(wh)), lambda: privileges.may_write(wh))

    def masks(self) -> Mapping[str, frozenset[str]]:
        wh = self.open_warehouse()
        return _memory.recall(("masks", *_who(wh)), lambda: privileges.masked_columns(wh))


def _who(wh: Warehouse) -> tuple[WarehouseConfig, Namespace, Any]:
    return wh.pools.config, wh.namespace, wh.identity
