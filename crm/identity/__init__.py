"""Who asks, and what they may do.

``signing_in`` finds the person of a request, from the headers of Databricks Apps
(``forwarded``) and, under user sign-in, from the token kept in the session (``vault``);
``rights`` says what the person may do.
"""

from __future__ import annotations

from .person import Person

__all__ = ["Person"]
