"""Who sends a request, and what this person may do.

``sign_in`` finds the person, from the headers of Databricks Apps (``forwarded``) and, with
EDIP_AUTH=user, from the token in the session (``vault``). ``rights`` decides what the person
may do. ``warehouses`` opens the warehouse with the person's rights.
"""

from __future__ import annotations

from .person import Person

__all__ = ["Person"]
