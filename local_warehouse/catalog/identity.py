"""Find the user of a request: people have access tokens, service principals OAuth tokens.

Three files in the data folder say who exists. Each may be edited while the server runs:

- ``tokens.json`` maps an access token to {"user", "warehouse", "expires_at", "scopes", "admin"}.
  Only the user is required. ``warehouse`` says whether the user may use the warehouse.
- ``principals.json`` maps a client id to {"secrets": [...], "token_seconds", "name", "admin"}.
- ``groups.json`` maps a group to its members. Every user is in ``account users``.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import jwt

from .json_file import JsonFile
from .objects import EVERYBODY

DEVELOPER_TOKEN = "dapi-local-developer"
DEVELOPER = "developer@localhost"
SQL_SCOPES = {"sql", "all-apis"}
EXPIRED = "Invalid access token: the token is expired."


class Refused(Exception):
    """The request is refused, with an HTTP status and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Principal:
    """The user of a token, and what the token allows.

    ``expires_at`` is in seconds since 1970, None for never; ``scopes`` None allows everything.
    """

    user: str
    may_use_warehouse: bool = True
    expires_at: float | None = None
    scopes: tuple[str, ...] | None = None

    def require_valid(self) -> None:
        """Raise Refused if the token has expired."""
        if self.expires_at is not None and time.time() >= self.expires_at:
            raise Refused(403, EXPIRED)

    def require_sql(self) -> None:
        """Raise Refused unless the token allows running statements."""
        self.require_valid()
        if self.scopes is not None and not SQL_SCOPES.intersection(self.scopes):
            raise Refused(403, "Provided OAuth token does not have required scopes: sql")
        if not self.may_use_warehouse:
            raise Refused(
                403, f"PERMISSION_DENIED: {self.user} is not authorized to use this warehouse."
            )


class Identities:
    """The people, service principals and groups that the warehouse knows."""

    def __init__(self, folder: Path) -> None:
        developer = {"user": DEVELOPER, "warehouse": True, "admin": True}
        self.tokens = JsonFile(folder / "tokens.json", {DEVELOPER_TOKEN: developer})
        self.principals = JsonFile(folder / "principals.json")
        self.groups = JsonFile(folder / "groups.json")
        self._key = _signing_key(folder / "oauth.key")
        self._revoked: set[str] = set()
        self._issued: dict[str, Principal] = {}
        self._lock = threading.Lock()
        self._admins: tuple[tuple[int, int], frozenset[str]] = ((-1, -1), frozenset())

    # --- signing in ---
    def sign_in(self, authorization: str) -> Principal:
        """Return the principal of an ``Authorization`` header. Raises Refused."""
        scheme, _, token = authorization.partition(" ")
        principal = self._principal(token) if scheme == "Bearer" else None
        if principal is None:
            raise Refused(401, "Invalid access token.")
        principal.require_valid()
        return principal

    def _principal(self, token: str) -> Principal | None:
        if (entry := self.tokens.read().get(token)) is not None:
            scopes = entry.get("scopes")
            return Principal(
                entry["user"],
                entry.get("warehouse", True),
                entry.get("expires_at"),
                None if scopes is None else tuple(scopes),
            )
        principal = self._issued.get(token) or self._read_issued(token)
        known = principal is not None and principal.user in self.principals.read()
        return principal if known and token not in self._revoked else None

    def _read_issued(self, token: str) -> Principal | None:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                options={"verify_exp": False, "verify_aud": False},
            )
        except jwt.InvalidTokenError:
            return None
        principal = Principal(
            claims["sub"], expires_at=claims["exp"], scopes=tuple(claims["scope"].split())
        )
        with self._lock:
            if len(self._issued) > 1000:
                self._issued.clear()
            self._issued[token] = principal
        return principal

    # --- service principals ---
    def is_secret(self, client_id: str, secret: str) -> bool:
        """Whether a service principal has the secret."""
        known = self.principals.read().get(client_id, {}).get("secrets", [])
        return any(hmac.compare_digest(secret.encode(), each.encode()) for each in known)

    def issue(self, client_id: str, scope: str, issuer: str) -> tuple[str, int]:
        """Return a new OAuth token for a service principal, and its lifetime in seconds."""
        seconds = int(self.principals.read()[client_id].get("token_seconds", 3600))
        now = int(time.time())
        claims = {
            "iss": issuer,
            "sub": client_id,
            "client_id": client_id,
            "aud": "local",
            "scope": scope,
            "iat": now,
            "exp": now + seconds,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode(claims, self._key, algorithm="HS256"), seconds

    def revoke(self, token: str) -> None:
        """Refuse a token from now on, whichever kind it is."""
        self._revoked.add(token)
        self.tokens.change(lambda content: content.pop(token, None))

    # --- admins and groups ---
    def is_admin(self, user: str) -> bool:
        """Whether the user is a metastore admin."""
        tokens, principals = self.tokens.read(), self.principals.read()
        state = (self.tokens.version, self.principals.version)
        if self._admins[0] != state:
            names = {t["user"] for key, t in tokens.items() if t.get("admin", _is_developer(key))}
            names |= {client_id for client_id, p in principals.items() if p.get("admin")}
            self._admins = (state, frozenset(names))
        return user in self._admins[1]

    def groups_of(self, user: str) -> list[str]:
        """Return the names of the user's groups."""
        found = (group for group, members in self.groups.read().items() if user in members)
        return [EVERYBODY, *found]


def _is_developer(token: str) -> bool:
    """Whether the token is the developer's, which older files do not mark as an admin's."""
    return token == DEVELOPER_TOKEN


def _signing_key(file: Path) -> bytes:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))
    return file.read_bytes()
