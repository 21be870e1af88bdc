"""An answer in JSON, whichever part of the server gives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict
