"""A person's token in a cookie: encrypted, not too long, readable after a change of keys."""

from __future__ import annotations

import base64
import json
import secrets
import time
import zlib
from typing import Any

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore

from crm.identity import tokens, vault
from crm.identity.vault import StoredSignIn

from .conftest import ALICE, jwt


def sealed(token: str) -> SessionStore:
    session = SessionStore()
    vault.store(session, StoredSignIn(ALICE, tokens.digest(token), time.time() + 60, token))
    session.save()
    return session


def opened(session: SessionStore) -> StoredSignIn | None:
    return vault.load(SessionStore(session.session_key))


def test_another_process_opens_it() -> None:
    token = jwt(ALICE)
    kept = opened(sealed(token))
    assert kept
    assert (kept.person, kept.token) == (ALICE, token)
    assert token not in repr(kept)


def test_nobody_reads_it_in_the_cookie() -> None:
    token = jwt(ALICE)
    session = sealed(token)
    content = str(SessionStore(session.session_key).load())
    for secret in (token, *token.split("."), ALICE, tokens.digest(token)):
        assert secret not in session.session_key + content


@pytest.mark.parametrize("padding", [0, 600, 1200])
def test_tokens_of_usual_length_fit(padding: int) -> None:
    token = jwt(ALICE, padding=padding)
    session = sealed(token)
    assert len(session.session_key) < 3900
    assert opened(session).token == token


def test_a_token_of_2500_characters_fits() -> None:
    token = jwt(ALICE, padding=1200)
    assert len(token) > 2500
    assert opened(sealed(token)).token == token


def test_a_longer_one_stays_in_its_header() -> None:
    token = "eyJ" + "".join(jwt(ALICE) for _ in range(20))
    session = sealed(token)
    assert len(session.session_key) < 600
    kept = opened(session)
    assert (kept.person, kept.token, kept.digest) == (ALICE, "", tokens.digest(token))


def test_keys_can_be_changed(settings: Any) -> None:
    settings.SECRET_KEY = "the old key " * 5
    token = jwt(ALICE)
    session = sealed(token)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the new key " * 5
    assert opened(session).token == token
    settings.SECRET_KEY_FALLBACKS = []
    assert opened(session) is None


def test_the_token_has_an_encryption_of_its_own(settings: Any) -> None:
    """Without the signature that Django's cookie adds, which depends on the same keys."""
    settings.SECRET_KEY = "the old key " * 5
    session = SessionStore()
    vault.store(session, StoredSignIn(ALICE, "x", 0.0, "dapi-1"))
    assert vault.load(session)
    settings.SECRET_KEY = "the new key " * 5
    assert vault.load(session) is None
    settings.SECRET_KEY_FALLBACKS = ["the old key " * 5]
    assert vault.load(session)


@pytest.mark.parametrize("garbage", ["", "x", 7, None, ["a"], "gAAAAA" + "A" * 200])
def test_what_we_did_not_seal_counts_as_nothing(garbage: object) -> None:
    session = SessionStore()
    session[vault.NAME] = garbage
    assert vault.load(session) is None


def test_what_decompresses_to_too_much_counts_as_nothing() -> None:
    session = SessionStore()
    session[vault.NAME] = vault._encrypt(StoredSignIn(ALICE, "x", 0.0, "a" * 60_000))
    assert vault.load(session)
    session[vault.NAME] = vault._encrypt(StoredSignIn(ALICE, "x", 0.0, "a" * 70_000))
    assert vault.load(session) is None


@pytest.mark.parametrize(
    "content", [b"not compressed", zlib.compress(b"[]"), zlib.compress(b"{}")]
)
def test_other_content_under_our_key_counts_as_nothing(content: bytes) -> None:
    session = SessionStore()
    session[vault.NAME] = vault._fernet().encrypt(content).decode()
    assert vault.load(session) is None


def test_when_a_token_ends() -> None:
    assert abs(tokens.expiry(jwt(ALICE, 120)) - time.time() - 120) < 2
    for opaque in ("dapi-1234", "a.b.c", "....", "e30.e30.e30", ""):
        assert abs(tokens.expiry(opaque) - time.time() - tokens.LIFETIME) < 2
    assert tokens.subject(jwt(ALICE)) == ALICE
    for length in range(4):
        assert tokens.subject(jwt(ALICE + "x" * length)) == ALICE + "x" * length
    assert tokens.subject("dapi-1234") == ""


@pytest.mark.parametrize("claims", [{"exp": "soon", "sub": 7}, {"exp": None}, {}, [], "x", 7])
def test_claims_that_are_of_no_use(claims: object) -> None:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    token = f"e30.{part}.x"
    assert abs(tokens.expiry(token) - time.time() - tokens.LIFETIME) < 2
    assert tokens.subject(token) == ""


def test_whatever_the_length_the_cookie_fits_into_4096_bytes() -> None:
    lengths, kept = range(3000, 4200, 50), []
    for length in lengths:
        session = sealed(secrets.token_urlsafe(length)[:length])
        # The cookie's name, its attributes and the longest date take less than 180 bytes.
        assert len(session.session_key) < 4096 - 180
        kept.append(bool(opened(session).token))
    assert kept[0]
    assert not kept[-1]
