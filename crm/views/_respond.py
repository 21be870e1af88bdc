"""Responses of views: the whole page, or to htmx the part that changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods
from django_htmx.http import (
    HttpResponseClientRedirect,
    reswap,
    retarget,
    trigger_client_event,
)

from crm.request import Request

# A page with a form: GET shows the form, POST submits it.
form_page = require_http_methods(["GET", "HEAD", "POST"])


def wants_part(request: Request) -> bool:
    """Return whether htmx requests a part of the page. After the Back button it requests the whole
    page."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def show(
    request: Request, page: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    if wants_part(request):
        response = render(request, part, context, status=status)
        if messages.get_messages(request):
            response.write(render_to_string("_toasts_out_of_band.html", {}, request))
    else:
        response = render(request, page, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def in_drawer(request: Request) -> bool:
    """Return whether the form of a record is shown in a drawer over another page."""
    return request.htmx.target == "dialog" or "drawer" in request.POST


def go(request: Request, url: str) -> HttpResponse:
    """Redirect after a POST: 303, so that the browser follows with a GET.

    A drawer over the page at ``url`` closes instead, and that page is refreshed.
    """
    if request.htmx and "drawer" in request.POST and _is_current(request, url):
        response = HttpResponse(render_to_string("_toasts_out_of_band.html", {}, request))
        retarget(reswap(response, "innerHTML"), "#dialog")
        return trigger_client_event(response, "record-saved", {"url": url}, after="settle")
    if request.htmx:
        return HttpResponseClientRedirect(url)
    return HttpResponseRedirect(url, status=303)


def _is_current(request: Request, url: str) -> bool:
    """Return whether the browser shows the page of the URL, ignoring parameters."""
    return urlsplit(request.htmx.current_url_abs_path or "").path == urlsplit(url).path


def local_url(request: Request, default: str) -> str:
    """Return ``next`` if it is a path on this site, else ``default``."""
    url = request.POST.get("next") or request.GET.get("next") or ""
    if url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None):
        return url
    return default
