"""The paths of all pages and forms that show or change one account and its records."""

from __future__ import annotations

import datetime as dt
import uuid


def pages_of(word: str, bsnid: str) -> list[str]:
    """Return the paths of all pages, with queries that would show that record."""
    return [
        "/",
        "/accounts/",
        f"/accounts/?q={word}",
        f"/accounts/?business_area={word}+area",
        "/accounts/?sort=-use_cases&platform=Databricks&status=Requested",
        f"/accounts/?q={word}&format=csv",
        "/use-cases/?format=csv",
        "/updates/?format=xlsx",
        "/accounts/new/",
        f"/accounts/{bsnid}/",
        f"/accounts/{bsnid}/edit/",
        f"/accounts/{bsnid}/delete/",
        f"/accounts/{bsnid}/use-cases/new/",
        f"/accounts/{bsnid}/updates/new/",
        "/use-cases/",
        f"/use-cases/?q={word}",
        f"/use-cases/case-{bsnid}/edit/",
        f"/use-cases/case-{bsnid}/delete/",
        "/updates/",
        f"/updates/?q={word}&author={word}+author",
        f"/updates/update-{bsnid}/edit/",
        f"/updates/update-{bsnid}/delete/",
        "/readyz",
        "/nowhere/",
    ]


def past_of(bsnid: str) -> list[str]:
    """Return the pages of the past and of changes, which Databricks refuses with a row filter."""
    moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        "/live/",
        "/live/?seen=0.0.0.0",
        "/activity/",
        "/activity/?format=csv",
        f"/accounts/{bsnid}/history/",
        f"/put-back/accounts/{bsnid}/1/",
        f"/as-of/{moment}/",
        f"/as-of/{moment}/accounts/",
        f"/as-of/{moment}/accounts/{bsnid}/",
        f"/as-of/{moment}/since/",
        f"/as-of/{moment}/accounts/{bsnid}/since/",
    ]


def forms_of(bsnid: str) -> list[tuple[str, dict[str, str]]]:
    """Return every form, filled in by somebody who forges one that the page does not offer."""
    stamp = dt.datetime.now(dt.UTC).isoformat()
    account = {"team": "forged", "business_area": "forged", "updated_at": stamp}
    case = {"problem": "forged", "status": "Active", "updated_at": stamp}
    update = {"author": "forged", "date": "2026-01-01", "description": "forged"}
    update["updated_at"] = stamp
    fresh = {"id": str(uuid.uuid4())}
    return [
        ("/accounts/new/", {"bsnid": f"{bsnid[0]}-forged", **account}),
        (f"/accounts/{bsnid}/edit/", account),
        (f"/accounts/{bsnid}/platforms/", {"platform": "Snowflake", "status": "Completed"}),
        (f"/accounts/{bsnid}/use-cases/new/", {**case, **fresh}),
        (f"/accounts/{bsnid}/updates/new/", {**update, **fresh}),
        (f"/use-cases/case-{bsnid}/edit/", case),
        (f"/updates/update-{bsnid}/edit/", update),
        (f"/use-cases/case-{bsnid}/delete/", {}),
        (f"/updates/update-{bsnid}/delete/", {}),
        (f"/accounts/{bsnid}/delete/", {}),
        (f"/put-back/accounts/{bsnid}/1/", {}),
        (f"/undo/accounts/{bsnid}/", {}),
    ]
