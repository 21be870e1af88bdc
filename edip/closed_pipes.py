"""Go on when nobody reads a command's output any more, as in ``manage.py backup | head -1``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast


class LastingOutput:
    """A stream that drops what it is given once its reader is gone.

    A command that stopped there would leave its work half-done.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._drop()
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Let the stream, with what it still holds, end in nothing."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)


def outlast_readers() -> None:
    """Do so for all output of this process."""
    sys.stdout = cast(TextIO, LastingOutput(sys.stdout))
    sys.stderr = cast(TextIO, LastingOutput(sys.stderr))
