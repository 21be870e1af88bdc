"""Commands whose output nobody reads to the end, as in ``manage.py backup | head -1``."""

from __future__ import annotations

import os
import subprocess
import sys

from edip.closed_pipes import LastingOutput

from ..conftest import BASE_DIR


def pipe_without_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_a_command_ends_as_if_somebody_had_read() -> None:
    command = [sys.executable, "manage.py", "print_grants", "--principal", "ada@example.com"]
    with os.fdopen(pipe_without_reader(), "wb") as output:
        done = subprocess.run(command, cwd=BASE_DIR, stdout=output, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


def test_what_follows_is_dropped() -> None:
    """The output comes line by line, so already the first write fails."""
    with os.fdopen(pipe_without_reader(), "w", buffering=1) as stream:
        output = LastingOutput(stream)
        assert output.write("one\n") == 4
        output.writelines(["two\n", "three\n"])
        output.flush()
        assert not output.isatty()
