"""Compression of pages and downloads; WhiteNoise serves static files compressed already."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Workbooks and zip archives are compressed already.
TYPES = {"application/json", "application/sql"}


class CompressionMiddleware(GZipMiddleware):
    """Compresses text with gzip, in one piece or as it is streamed.

    Against the BREACH attack Django adds a random number of bytes to each answer, which hides
    its exact length, and masks the CSRF token anew in each page (SECURITY.md).
    https://docs.djangoproject.com/en/5.2/ref/middleware/#module-django.middleware.gzip
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if not kind.startswith("text/") and kind not in TYPES:
            return response
        return super().process_response(request, response)
