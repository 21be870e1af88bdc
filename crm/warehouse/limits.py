"""What one statement takes.

Source: https://github.com/databricks/databricks-sql-python, docs/parameters.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import TooLarge

MAX_PARAMETERS = 255
# Of all parameters together.
MAX_BYTES = 2**20


def require_acceptable(params: Mapping[str, Any]) -> None:
    """Raise TooLarge for more values than a statement takes."""
    size = sum(len(str(value).encode()) for value in params.values())
    if len(params) > MAX_PARAMETERS or size > MAX_BYTES:
        raise TooLarge(f"{len(params)} parameters of {size:,} bytes")
