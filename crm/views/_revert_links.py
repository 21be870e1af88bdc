"""Signed links that undo an import, a repair or a bulk change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core import signing
from django.http import Http404
from django.urls import reverse

from crm.model.schema import TABLES
from crm.repository.operations import Operation
from crm.repository.past import revert_bulk
from crm.request import Request

from . import _policies, _revert_wording

_SALT = "crm.undo-bulk"
_SECONDS = 24 * 60 * 60
_SIDES = ("before", "after")


@dataclass(frozen=True)
class Link:
    """The operations that ``who`` may undo, and the range in which to look for their changes.

    The range is from version ``before`` to ``after`` of each table, or all since ``began``.
    """

    who: str
    operations: list[str]
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    began: dt.datetime | None = None


def bulk_url(
    request: Request,
    operations: list[str],
    before: revert_bulk.Versions,
    after: revert_bulk.Versions,
) -> str:
    """Return the URL where this person can undo their operations, which wrote between the
    versions."""
    done = {"operations": operations, "before": before, "after": after}
    done["who"] = request.warehouse.actor
    return reverse("revert-bulk", args=[signing.dumps(done, salt=_SALT)])


def operation_url(request: Request, operation: str, started_at: dt.datetime) -> str:
    """Return the URL where this person can undo their operation, which began at ``started_at``."""
    done = {"operations": [operation], "began": started_at.isoformat()}
    return reverse(
        "revert-bulk",
        args=[signing.dumps({**done, "who": request.warehouse.actor}, salt=_SALT)],
    )


def undo_url(request: Request, operation: Operation, began: dt.datetime) -> str:
    """Return ``operation_url``; empty if policies prevent the undo."""
    return operation_url(request, operation.id, began) if _policies.is_undoable(request) else ""


def read(signed: str) -> Link:
    """Return the content of a signed link.

    Raises Http404 if it is too old, forged, or from another version of the app.
    """
    try:
        facts = signing.loads(signed, salt=_SALT, max_age=_SECONDS)
        who, operations = str(facts["who"]), [str(id) for id in facts["operations"]]
        if "began" in facts:
            return Link(who, operations, began=dt.datetime.fromisoformat(facts["began"]))
        before, after = (
            {table.name: int(facts[side][table.name]) for table in TABLES} for side in _SIDES
        )
        return Link(who, operations, before, after)
    except (signing.BadSignature, KeyError, TypeError, ValueError) as error:
        raise Http404(_revert_wording.LINK_EXPIRED) from error
