"""The sessions that users opened.

A session ends when it is closed or was idle for too long. Later requests for it fail with
InvalidHandle.
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field

from local_warehouse.sql.names import Namespace

from .errors import InvalidHandle


@dataclass
class Session:
    """One session; USE changes its ``namespace``."""

    user: str
    namespace: Namespace
    configuration: dict[str, str]
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    used_at: float = field(default_factory=time.monotonic)

    @property
    def statement_timeout(self) -> float | None:
        """The timeout in seconds, or None if the session set none."""
        value = self.configuration.get("STATEMENT_TIMEOUT", "0")
        return float(value) or None

    @property
    def uses_cached_results(self) -> bool:
        return self.configuration.get("USE_CACHED_RESULT", "true").lower() != "false"


class Sessions:
    """The open sessions of all users."""

    def __init__(self, idle_seconds: float) -> None:
        self.idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._open: dict[uuid.UUID, Session] = {}

    def open(self, user: str, namespace: Namespace, configuration: dict[str, str]) -> Session:
        upper = {key.upper(): value for key, value in configuration.items()}
        session = Session(user, namespace, upper)
        with self._lock:
            self._expire()
            self._open[session.id] = session
        return session

    def get(self, session_id: uuid.UUID, user: str) -> Session:
        """Return a user's open session. Raises InvalidHandle."""
        with self._lock:
            self._expire()
            session = self._open.get(session_id)
            if session is None or session.user != user:
                raise InvalidHandle(f"Invalid SessionHandle: SessionHandle [{session_id}]")
            session.used_at = time.monotonic()
            return session

    def close(self, session_id: uuid.UUID) -> None:
        with self._lock:
            self._open.pop(session_id, None)

    def count(self) -> int:
        """Return how many sessions are open."""
        with self._lock:
            self._expire()
            return len(self._open)

    def close_all(self) -> int:
        """End every session, as a restart would; return how many there were."""
        with self._lock:
            count = len(self._open)
            self._open.clear()
            return count

    def _expire(self) -> None:
        oldest = time.monotonic() - self.idle_seconds
        for session in [s for s in self._open.values() if s.used_at < oldest]:
            del self._open[session.id]
