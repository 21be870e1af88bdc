"""The status page of the administrators."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm.connection_check import Check
from crm.identity import roles
from crm.request import Request
from crm.warehouse.deadline import Deadline

from . import _figures, _respond

# Seconds for all figures; the gateway of Databricks Apps gives up after 60.
FIGURES_WITHIN = 45.0
_PACKAGES = ("Django", "databricks-sql-connector", "databricks-sdk", "gunicorn", "whitenoise")
_SIGN_INS = {
    "pat": "one personal access token for everybody",
    "service-principal": "one service principal for everybody",
    "user": "the rights of the person who is signed in",
    "unified": "the sign-in of the Databricks CLI for everybody",
}

Facts = list[tuple[str, str]]


@never_cache
@require_safe
@access.for_admins
def status(request: Request) -> HttpResponse:
    """Show the configuration of this instance. ``?check`` also checks the connection step by
    step; ``?figures`` reads the tables' sizes and the cost of the CRM's statements.

    Both run a dozen statements or more and change nothing; a reload repeats them.
    """
    context: dict[str, Any] = {"configuration": _configuration(), "versions": _versions()}
    if "check" in request.GET:
        check = Check(
            settings.WAREHOUSE, settings.NAMESPACE, lambda: request.warehouse.within(None)
        )
        context["report"] = check.report()
    part = "admin_tools/_check.html"
    if "figures" in request.GET:
        wh = request.warehouse.within(Deadline.after(FIGURES_WITHIN))
        context["figures"] = _figures.context(wh)
        part = "admin_tools/_figures.html"
    return _respond.show(request, "admin_tools/status.html", part, context)


def _configuration() -> Facts:
    """Return the settings to show: a fixed list, so that no secret can slip in."""
    config, names = settings.WAREHOUSE, settings.NAMESPACE
    return [
        ("Warehouse", config.where),
        ("Statements run with", _SIGN_INS[config.auth]),
        ("Catalog and schema", f"{names.catalog}.{names.schema}"),
        ("Table prefix", names.prefix or "none"),
        ("Who may open the app", roles.openers()),
        ("Who may write", roles.writers()),
        ("Who sees these tools", roles.administrators()),
        ("Connections", f"at most {config.pool_size} per identity in each process"),
        ("Connections for imports", "as many again"),
        ("Statement timeout", f"{config.statement_timeout} s"),
        ("Writes per person and minute", _limit(settings.EDIP_WRITES_PER_MINUTE)),
        ("Files per person and minute", _limit(settings.EDIP_EXPORTS_PER_MINUTE)),
        ("Served", "on this machine only" if settings.EDIP_PLAIN_HTTP else "behind a TLS proxy"),
    ]


def _limit(per_minute: int) -> str:
    return f"at most {per_minute} in each process" if per_minute > 0 else "no limit"


def _versions() -> Facts:
    return [
        ("Python", platform.python_version()),
        *((name, metadata.version(name)) for name in _PACKAGES),
        ("Process", str(os.getpid())),
    ]
