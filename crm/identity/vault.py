"""Store a person's token in their session, encrypted: the session is a cookie in their browser.

Every worker and every instance can decrypt it, since the key derives from SECRET_KEY. While keys
are rotated, SECRET_KEY_FALLBACKS decrypts older cookies; they are encrypted with the new key
when the person's next token arrives, within the hour.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import zlib
from dataclasses import dataclass, field, replace

from cachetools import LRUCache, cached
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

NAME = "sign-in"
# Browsers store cookies of up to 4096 bytes with name and attributes, and Django adds a
# signature. A token of about 3,400 characters fits.
LARGEST = 3600
# Nothing that we encrypt decompresses to more bytes than this.
_LARGEST_DECOMPRESSED = 64 * 1024
# The key is a digest of the secrets, because deriving takes longer than hashing.
_fernets: LRUCache[str, MultiFernet] = LRUCache(4)


@dataclass(frozen=True)
class StoredSignIn:
    """A sign-in as the session stores it.

    :param token: empty if it is not kept, or too long for a cookie: then each request has to bring
        it.
    :param digest: the token's SHA-256; a new token has another one.
    :param expires_at: ``time.time()``; for a token without an expiry, an estimate from when it
        was first seen.
    """

    person: str
    digest: str
    expires_at: float
    token: str = field(default="", repr=False)
    is_too_long: bool = False


def store(session: SessionBase, sign_in: StoredSignIn) -> None:
    """Store the sign-in in the session, in place of an earlier one."""
    encrypted = _encrypt(sign_in)
    if len(encrypted) > LARGEST:
        encrypted = _encrypt(replace(sign_in, token="", is_too_long=True))
    session[NAME] = encrypted


def load(session: SessionBase) -> StoredSignIn | None:
    """Return the session's sign-in; None if there is none, or none that we encrypted."""
    encrypted = session.get(NAME)
    if not isinstance(encrypted, str):
        return None
    try:
        compressed = _fernet().decrypt(encrypted.encode())
        text = zlib.decompressobj().decompress(compressed, _LARGEST_DECOMPRESSED)
        return StoredSignIn(**json.loads(text))
    except (InvalidToken, zlib.error, ValueError, TypeError):
        return None


def _encrypt(sign_in: StoredSignIn) -> str:
    text = json.dumps(vars(sign_in), separators=(",", ":"))
    # Base64 letters carry six bits each; compressing first saves the other two.
    return _fernet().encrypt(zlib.compress(text.encode(), 9)).decode()


def _fernet() -> MultiFernet:
    return _fernet_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def _digest(secrets: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(secrets).encode()).hexdigest()


@cached(_fernets, key=_digest, lock=threading.Lock())
def _fernet_of(secrets: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"edip-crm: a person's token")
    return base64.urlsafe_b64encode(hkdf.derive(secret.encode()))
