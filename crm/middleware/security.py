"""What every answer says to the browser, and which requests are not even looked at."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from crm.forms import import_file
from crm.views import errors

GetResponse = Callable[[HttpRequest], HttpResponse]

# No nonces, since no page has inline code: htmx reads its configuration from a <meta>, and
# everything else is a file of ours. form-action also covers redirects that follow a form, so
# a form sent after the proxy's sign-in has expired is not carried to another site.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class TlsProxyMiddleware:
    """Says that requests came over TLS, which ends at the proxy in front of us.

    Databricks documents no header that tells (X-Forwarded-Proto is not among those it lists),
    but reaches the app in no other way. Django then compares a form's Origin with our own
    https address, so no other app's origin need be trusted, and sends HSTS.
    """

    def __init__(self, get_response: GetResponse) -> None:
        if settings.EDIP_PLAIN_HTTP:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["wsgi.url_scheme"] = "https"
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """The headers that Django 5.2 has no setting for. Stands before WhiteNoise: files, too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Django's own debug pages are full of inline styles and scripts.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response


class BodyLimitMiddleware:
    """Refuses bodies that are too large before anything reads them.

    Django limits fields (DATA_UPLOAD_MAX_MEMORY_SIZE), but no uploaded files.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _length(request) > _most(request):
            if _takes_imports(request):
                advice = import_file.TOO_LARGE.format(settings.EDIP_IMPORT_MAX_MB)
                return errors.too_large(request, f"Nothing was imported. {advice}")
            return errors.too_large(request)
        return self.get_response(request)


class MethodNotAllowedMiddleware:
    """Django's decorators answer a wrong method with an empty page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or response.content:
            return response
        dressed = errors.method_not_allowed(request)
        dressed.headers["Allow"] = response.headers["Allow"]
        return dressed


def _takes_imports(request: HttpRequest) -> bool:
    """Only administrators send files to be imported."""
    return request.path_info == reverse("import") and request.person.is_admin


def _most(request: HttpRequest) -> int:
    """Of files to be imported twice what is taken, so that a file a little too large is told
    so by the form, beside it."""
    if _takes_imports(request):
        return settings.EDIP_IMPORT_MAX_MB * 2 * 2**20
    return settings.EDIP_MAX_BODY


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
