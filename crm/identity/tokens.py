"""Read a token's subject and expiry without asking the server that issued it.

Nothing is verified here, and no right depends on it: the warehouse checks the token itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from crm.warehouse import now

# The assumed lifetime, in seconds, of a token without an expiry. Databricks' tokens last an hour.
LIFETIME = 55 * 60.0


def expiry(token: str) -> float:
    """Return when the token expires, by the warehouse's clock (``crm.warehouse.now``): its own
    claim, or LIFETIME from now."""
    end = _claims(token).get("exp")
    return float(end) if isinstance(end, (int, float)) else now().timestamp() + LIFETIME


def subject(token: str) -> str:
    """Return the subject that the token claims; empty if it claims none."""
    name = _claims(token).get("sub")
    return name if isinstance(name, str) else ""


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a JSON Web Token; none for any other token."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
