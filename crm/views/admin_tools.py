from __future__ import annotations

import os
import platform
from importlib import metadata

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import access
from crm.connection_check import Check
from crm.request import Request

from . import _respond

_PACKAGES = ("Django", "databricks-sql-connector", "databricks-sdk", "gunicorn", "whitenoise")
_SIGN_INS = {
    "pat": "a personal access token, shared by everybody",
    "service-principal": "a service principal, shared by everybody",
    "user": "the signed-in person’s own rights",
}

Facts = list[tuple[str, str]]


@never_cache
@require_safe
@access.for_admins
def status(request: Request) -> HttpResponse:
    """How this instance is set up. ``?check`` walks the way to the data: a dozen statements,
    so only for who asks for it. It changes nothing, and a reload asks again."""
    context = {"configuration": _configuration(), "versions": _versions()}
    if "check" in request.GET:
        check = Check(
            settings.WAREHOUSE, settings.NAMESPACE, lambda: request.warehouse.within(None)
        )
        context["report"] = check.report()
    return _respond.show(request, "admin_tools/status.html", "admin_tools/_check.html", context)


def _configuration() -> Facts:
    """No secrets: only what is named here is shown."""
    config, names = settings.WAREHOUSE, settings.NAMESPACE
    return [
        ("Warehouse", config.where),
        ("Statements run as", _SIGN_INS[config.auth]),
        ("Catalog and schema", f"{names.catalog}.{names.schema}"),
        ("Before table names", names.prefix or "nothing"),
        ("Who may write", _listed(settings.EDIP_EDITORS, config.auth)),
        ("Connections", f"{config.pool_size} per person or app, in each process"),
        ("A statement may take", f"{config.statement_timeout} s"),
        ("Writes per person", f"{settings.EDIP_WRITES_PER_MINUTE or 'any number'} a minute"),
        ("Served", "on this machine only" if settings.EDIP_PLAIN_HTTP else "behind a TLS proxy"),
    ]


def _listed(editors: list[str], auth: str) -> str:
    if auth == "user":
        return "who has MODIFY on the tables"
    return ", ".join(editors) or "everybody who may open the app"


def _versions() -> Facts:
    return [
        ("Python", platform.python_version()),
        *((name, metadata.version(name)) for name in _PACKAGES),
        ("Process", str(os.getpid())),
    ]
