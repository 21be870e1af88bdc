"""Security headers of every response, and limits on requests."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from crm.forms import import_file
from crm.request import Request
from crm.views import errors, health

GetResponse = Callable[[HttpRequest], HttpResponse]

# There are no nonces, since no page has inline code: htmx reads its configuration from a <meta>,
# and all scripts and styles are our own files. form-action also covers the redirect after a
# form, so the browser sends no form to another site when the proxy's sign-in has expired.
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
    """Marks requests as https: TLS ends at the proxy in front of the app.

    Databricks documents no header for this (X-Forwarded-Proto is not in its list), but every
    request passes the proxy. Django then compares a form's Origin with our https address, so
    we need not trust another origin, and it sends HSTS.
    """

    def __init__(self, get_response: GetResponse) -> None:
        if settings.EDIP_PLAIN_HTTP:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.META["wsgi.url_scheme"] = "https"
        return self.get_response(request)


class LivenessMiddleware:
    """Answers /healthz for any Host, since a probe may use another address than the app's.

    It comes before all middleware that needs the host or the person.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        if request.path_info == "/healthz":
            return health.healthz(request)
        return self.get_response(request)


class CookieLimitMiddleware:
    """Answers a Cookie header that is too large with a page: browsers keep sending it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if len(request.META.get("HTTP_COOKIE", "")) > settings.EDIP_MAX_COOKIES:
            # The error page must not parse them: somebody may have crafted them.
            request.META["HTTP_COOKIE"] = ""
            return errors.too_many_cookies(request)
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """Adds the headers that Django 5.2 has no setting for.

    It comes before WhiteNoise, so that static files have them, too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Django's debug pages need their inline styles and scripts.
        if not (settings.DEBUG and response.status_code in (404, 500)):
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response


class BodyLimitMiddleware:
    """Refuses a body that is too large before any code reads it.

    Django limits fields (DATA_UPLOAD_MAX_MEMORY_SIZE), but not uploaded files.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: Request) -> HttpResponse:
        if _length(request) > _limit(request):
            if _is_import(request):
                advice = import_file.TOO_LARGE.format(settings.EDIP_IMPORT_MAX_MB)
                return errors.too_large(request, f"Nothing was imported. {advice}")
            return errors.too_large(request)
        return self.get_response(request)


class MethodNotAllowedMiddleware:
    """Gives 405 a page: Django's decorators answer a wrong method with an empty one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or response.content:
            return response
        page = errors.method_not_allowed(request)
        page.headers["Allow"] = response.headers["Allow"]
        return page


def _is_import(request: Request) -> bool:
    """Return whether an administrator uploads a file to the import page; nobody else may."""
    return request.path_info == reverse("import") and request.person.is_admin


def _limit(request: Request) -> int:
    """Return the largest body that is accepted, in bytes.

    For imports it is twice the form's limit, so that the form itself can refuse a file that is
    a little too large and show why beside it.
    """
    limit: int = settings.EDIP_MAX_BODY
    if _is_import(request):
        limit = settings.EDIP_IMPORT_MAX_MB * 2 * 2**20
    return limit


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
