"""Write a digest as files, one for each format."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from django.conf import settings

from crm.digest import chat, mail
from crm.digest.content import Digest


def write(folder: Path, name: str, digest: Digest, home: str) -> Path:
    """Write the digest as plain text, as HTML, and as JSON for a chat's webhook.

    Return the path of the files without their endings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Two names may differ only in characters that a file name cannot have.
    short = hashlib.sha256(name.encode()).hexdigest()[:8]
    stem = f"{re.sub(r'[^A-Za-z0-9.@-]+', '_', name)[:60]}-{short}"
    body = chat.payload(digest, home, settings.EDIP_DIGEST_CHAT)
    for ending, text in (
        ("txt", mail.text(digest, home)),
        ("html", mail.html(digest, home)),
        ("json", json.dumps(body, ensure_ascii=False, indent=1)),
    ):
        (folder / f"{stem}.{ending}").write_text(text, encoding="utf-8")
    return folder / stem
