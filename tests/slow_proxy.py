"""A proxy before the local warehouse that stops answering, or sends one byte a second."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

PASS, HANG, DRIP = "pass", "hang", "drip"


class SlowProxy:
    """Passes bytes on; ``mode`` sets how answers come back, also on open connections."""

    def __init__(self, target: str, port: int = 0) -> None:
        parts = urlsplit(target)
        self.mode = PASS
        self._target = (parts.hostname, parts.port)
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for pump in (self._requests, self._answers):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                self._pass_on(client, data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket, data: bytes) -> None:
        for place in range(len(data)):
            while self.mode == HANG and not self._stopped.is_set():
                time.sleep(0.02)
            if self.mode == PASS or self._stopped.is_set():
                client.sendall(data[place:])
                return
            client.sendall(data[place : place + 1])
            self._stopped.wait(1)


@contextmanager
def slow_proxy(target: str, port: int = 0) -> Iterator[SlowProxy]:
    """Run a proxy, on a port that is free or on the given one."""
    proxy = SlowProxy(target, port)
    try:
        yield proxy
    finally:
        proxy.stop()
