"""An answer in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """An HTTP status, and the JSON object of the answer."""

    status: int
    body: Mapping[str, object]
