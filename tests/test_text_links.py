"""Links and mentions in what people write."""

from __future__ import annotations

import pytest

from crm.fragments import prose
from crm.model.links import LINK, MENTION, TEXT, parts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", []),
        ("https://a.example", [(LINK, "https://a.example")]),
        ("See HTTPS://a.example/b?c=1&d=2.", [(LINK, "HTTPS://a.example/b?c=1&d=2")]),
        ("(https://a.example/b_(c))!", [(LINK, "https://a.example/b_(c)")]),
        (
            "https://a.example, https://b.example",
            [(LINK, "https://a.example"), (LINK, "https://b.example")],
        ),
        ("javascript:alert(1) ftp://a.example http://", []),
        ("https://[::1", []),
        ("@kofi", [(MENTION, "@kofi")]),
        ("Ask @kofi.mensah, or (@Zoë-Ann).", [(MENTION, "@kofi.mensah"), (MENTION, "@Zoë-Ann")]),
        ("kofi@example.com a@b @ @@", []),
        ("https://a.example/@kofi", [(LINK, "https://a.example/@kofi")]),
    ],
)
def test_parts(text: str, found: list[tuple[str, str]]) -> None:
    all_parts = list(parts(text))
    assert "".join(part for _, part in all_parts) == text
    assert [part for part in all_parts if part[0] != TEXT] == found


def test_nothing_that_is_written_becomes_markup() -> None:
    shown = prose('<script>@a</script> https://a.example/"onclick="x()')
    assert "<script>" not in shown
    assert 'href="https://a.example/"' in shown
    assert "onclick=&quot;x()" in shown
