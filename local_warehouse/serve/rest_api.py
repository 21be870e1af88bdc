"""The REST calls that a connection check makes: the warehouse's state, and the current user."""

from __future__ import annotations

import re

from local_warehouse.catalog.identity import Principal

from .reply import Reply
from .start_stop import StartStop

ID = "local"
_WAREHOUSE = re.compile(r"/api/2\.0/sql/warehouses/(?P<id>[^/]+)(?P<start>/start)?")


def answer(method: str, path: str, principal: Principal, start_stop: StartStop) -> Reply:
    """Answer a REST call. Raises Refused if the principal may not use the warehouse."""
    if (method, path) == ("GET", "/api/2.0/preview/scim/v2/Me"):
        return Reply(200, {"userName": principal.user, "displayName": principal.user})
    wanted = _WAREHOUSE.fullmatch(path)
    if wanted is None or (method == "POST") != bool(wanted["start"]):
        return _error(404, "ENDPOINT_NOT_FOUND", f"No API found for '{method} {path}'")
    principal.require_sql()
    if wanted["id"] != ID:
        return _error(404, "RESOURCE_DOES_NOT_EXIST", f"SQL warehouse {wanted['id']} not found.")
    if method == "POST":
        start_stop.start()
        return Reply(200, {})
    return Reply(
        200,
        {
            "id": ID,
            "name": "Local warehouse",
            "state": start_stop.state,
            "num_clusters": int(start_stop.is_running),
            "warehouse_type": "PRO",
        },
    )


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error_code": code, "message": message})
