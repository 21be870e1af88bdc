"""Errors that a test cannot cause: those of a full disk. Their texts were copied from a real
one."""

from __future__ import annotations

import errno
import os

import pytest

from local_warehouse.errors import SqlError, from_engine, unexpected

STORAGE = "Generic LocalFileSystem error: Unable to copy data to file: "
FULL = f"{STORAGE}No space left on device (os error 28)"


@pytest.mark.parametrize(
    "found",
    [
        from_engine(Exception(f"External error: Failed to write file: {FULL}")),
        # CREATE TABLE; the engine calls some errors of its own execution errors.
        from_engine(Exception(f"Execution error: External error: Log storage error: {FULL}")),
        from_engine(Exception(f"External error: Failed to commit transaction: {FULL}")),
        unexpected(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
        unexpected(OSError(f"Error writing bytes to file. Detail: [errno 28] {FULL}")),
    ],
)
def test_a_full_disk_has_a_class_of_its_own(found: SqlError) -> None:
    assert (found.error_class, found.sqlstate) == ("TASK_WRITE_FAILED", "58030")


def test_other_faults_are_unknown() -> None:
    assert str(unexpected(KeyError("n"))) == "[INTERNAL_ERROR] KeyError: 'n' SQLSTATE: XX000"
