"""A person's token in their session, encrypted: the session is a cookie in their browser.

Any worker and any instance can open it, since the key derives from SECRET_KEY. While keys are
rotated (SECRET_KEY_FALLBACKS), what was sealed with an older one still opens, and is sealed
anew with the next token, within the hour.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

NAME = "sign-in"
# Browsers keep cookies of 4096 bytes, name and attributes included, and Django puts a
# signature around: a token of about 3,400 characters still fits.
LARGEST = 3600
# A sealed text that opens to more than this is not ours.
_LARGEST_OPENED = 64 * 1024


@dataclass(frozen=True)
class Kept:
    """What the session knows of a sign-in.

    :param token: empty where it is too long for a cookie: then each request has to bring it.
    :param digest: the token's SHA-256, which tells a new one from the same again.
    :param expires_at: ``time.time()``; for a token that does not say, counted from when it
        was first seen.
    """

    person: str
    digest: str
    expires_at: float
    token: str = field(default="", repr=False)


def keep(session: SessionBase, kept: Kept) -> None:
    """Put it in the session, in place of what is there."""
    sealed = _seal(kept)
    if len(sealed) > LARGEST:
        sealed = _seal(Kept(kept.person, kept.digest, kept.expires_at))
    session[NAME] = sealed


def kept(session: SessionBase) -> Kept | None:
    """What the session holds; None where that is nothing, or nothing that we sealed."""
    sealed = session.get(NAME)
    if not isinstance(sealed, str):
        return None
    try:
        opener = zlib.decompressobj()
        text = opener.decompress(_fernet().decrypt(sealed.encode()), _LARGEST_OPENED)
        return Kept(**json.loads(text))
    except (InvalidToken, zlib.error, ValueError, TypeError):
        return None


def _seal(kept: Kept) -> str:
    text = json.dumps(vars(kept), separators=(",", ":"))
    # A token's letters are worth six bits each; compressing first takes that into account.
    return _fernet().encrypt(zlib.compress(text.encode(), 9)).decode()


def _fernet() -> MultiFernet:
    return _fernet_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _fernet_of(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"edip-crm: a person's token")
    return base64.urlsafe_b64encode(hkdf.derive(secret.encode()))
