"""A digest as a mail: plain text, and HTML with nothing but text, links and inline styles."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from .content import Digest


def text(digest: Digest, home: str) -> str:
    """Return the digest as plain text; ``home`` is the app's address without a last slash."""
    lines = [f"{digest.whose}, {digest.period}", ""]
    if digest.is_short:
        lines += ["Your digest is ready.", ""]
    else:
        lines += [*_changes(digest, home), *_attention(digest, home)]
    lines += [f"More: {home}{digest.path}", f"How often you get this: {home}/digest/"]
    return "\n".join(lines) + "\n"


def _changes(digest: Digest, home: str) -> list[str]:
    lines = ["WHAT CHANGED", ""]
    if digest.unknown:
        return [*lines, f"This is unknown: {digest.unknown}.", ""]
    if not digest.changes:
        return [*lines, "Nothing.", ""]
    for account in digest.accounts:
        lines.append(f"{account.team}  {home}{account.path}")
        lines += [f"  - {line}" for line in account.lines]
        lines += [f"  - and {account.rest}"] if account.rest else []
    if digest.rest:
        lines.append(f"… and {digest.rest}")
    return [*lines, ""]


def _attention(digest: Digest, home: str) -> list[str]:
    lines = ["NEEDS ATTENTION", ""]
    if not digest.kinds:
        return [*lines, "Nothing.", ""]
    for kind in digest.kinds:
        lines.append(f"{kind.heading}: {kind.count}  {home}{kind.path}")
        lines += [f"  - {name}" for name in kind.names]
    return [*lines, ""]


def html(digest: Digest, home: str) -> str:
    return render_to_string("digest/mail.html", {"digest": digest, "home": home})


def message(digest: Digest, home: str, to: str, key: str) -> EmailMultiAlternatives:
    """Return the mail to an address. Its Message-ID is the ``key``'s, however often it is sent:
    mailboxes that know the id show it once."""
    host = urlsplit(home).hostname or "localhost"
    mail = EmailMultiAlternatives(
        digest.subject,
        text(digest, home),
        settings.DEFAULT_FROM_EMAIL,
        [to],
        headers={"Message-ID": f"<edip-digest-{key}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(html(digest, home), "text/html")
    return mail
