"""Text is compressed, in one piece and as it is streamed."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from crm.middleware.compression import CompressionMiddleware

GZIP = {"HTTP_ACCEPT_ENCODING": "gzip, deflate, br"}
ROWS = [b"BSN001,Claims Analytics\r\n"] * 200


def _body(response: Any) -> bytes:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return gzip.decompress(content)


def test_a_page_is_compressed_where_the_browser_takes_it(client: Client) -> None:
    page, plain = client.get("/as-of/", **GZIP), client.get("/as-of/")
    assert page["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in page["Vary"]
    assert "Accept-Encoding" in plain["Vary"]
    assert int(page["Content-Length"]) == len(page.content) < len(plain.content) / 3
    assert b"</html>" in _body(page)
    # A static file, which WhiteNoise answers.
    assert client.get("/static/css/base.css", **GZIP).status_code == 200


def test_length_and_token_of_a_compressed_page_change(client: Client) -> None:
    """Against BREACH: secrets and the number of bytes differ in each answer."""
    pages = [client.get("/as-of/", **GZIP) for _ in range(8)]
    tokens = [re.findall(rb'csrfmiddlewaretoken" value="(\w+)"', _body(page)) for page in pages]
    assert all(tokens)
    assert len({each[0] for each in tokens}) == len(pages)
    same = CompressionMiddleware(lambda request: HttpResponse(b"".join(ROWS)))
    lengths = {len(same(RequestFactory().get("/", **GZIP)).content) for _ in range(20)}
    assert len(lengths) > 3


@pytest.mark.parametrize(
    ("answer", "compressed"),
    [
        (lambda: StreamingHttpResponse(iter(ROWS), content_type="text/csv"), True),
        (lambda: FileResponse(io.BytesIO(b"".join(ROWS)), filename="a.json"), True),
        (lambda: FileResponse(io.BytesIO(b"".join(ROWS)), filename="a.sql"), True),
        (lambda: FileResponse(io.BytesIO(b"".join(ROWS)), filename="a.xlsx"), False),
        (lambda: FileResponse(io.BytesIO(b"".join(ROWS)), filename="a.zip"), False),
    ],
)
def test_downloads(answer: Callable[[], Any], compressed: bool) -> None:
    response = CompressionMiddleware(lambda request: answer())(RequestFactory().get("/", **GZIP))
    assert (response.get("Content-Encoding") == "gzip") is compressed
    if compressed:
        assert _body(response) == b"".join(ROWS)
        assert "Content-Length" not in response.headers
    else:
        assert b"".join(response.streaming_content) == b"".join(ROWS)
