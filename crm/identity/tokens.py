"""What can be told of a token without asking anybody: whose it is, and when it ends.

Nothing is verified, and nothing rests on it: the warehouse is who checks the token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

# How long a token lasts that does not say: Databricks' last an hour.
LIFETIME = 55 * 60.0


def expiry(token: str) -> float:
    """When the token ends (``time.time()``): as it says, or 55 minutes from now."""
    end = _claims(token).get("exp")
    return float(end) if isinstance(end, (int, float)) else time.time() + LIFETIME


def subject(token: str) -> str:
    """Whose token it says it is; empty where it does not."""
    name = _claims(token).get("sub")
    return name if isinstance(name, str) else ""


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
