"""The accounts that a field suggests while somebody types a name."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.model.schema import MAX_LINE
from crm.repository.records import account_names as names
from crm.request import Request


@require_safe
def account_names(request: Request) -> HttpResponse:
    text = request.GET.get("account", "").strip()[:MAX_LINE]
    found = names.suggested(request.warehouse, text) if text else []
    return render(request, "account_names/_account-names.html", {"found": found})
