"""Run a Python program on a machine whose clock is wrong by so many seconds:

python shifted_clock.py SECONDS PROGRAM ARGUMENTS…
"""

from __future__ import annotations

import datetime
import importlib
import runpy
import sys
import time
from contextlib import suppress

# Compiled modules check the size of datetime's classes when they are imported.
for name in ("numpy", "pandas", "pyarrow"):
    with suppress(ImportError):
        importlib.import_module(name)

_Real, _time = datetime.datetime, time.time
_SHIFT = float(sys.argv[1])


class _Kind(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _Real)


class _Shifted(_Real, metaclass=_Kind):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return _Real.now(tz) + datetime.timedelta(seconds=_SHIFT)

    @classmethod
    def utcnow(cls) -> datetime.datetime:
        return _Real.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=_SHIFT)


datetime.datetime = _Shifted  # type: ignore[misc]
time.time = lambda: _time() + _SHIFT
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
