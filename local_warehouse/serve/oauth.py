"""OAuth for service principals: discovery, and tokens for client credentials.

databricks-sdk asks for these paths: first ``/.well-known/databricks-config``, then the discovery
document beside the OIDC root that the answer names, then the token endpoint.
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qs

from local_warehouse.catalog.identity import Identities

from .reply import Reply

DISCOVERY = "/oidc/.well-known/oauth-authorization-server"
TOKEN = "/oidc/v1/token"


class OAuth:
    """Answers OAuth requests.

    ``origin`` is the address of this server. ``issuer`` is the host of the tokens' issuer: the
    connector compares it with its own ``server_hostname``, and asks that host for another token
    if they differ.
    """

    def __init__(self, identities: Identities, origin: str, issuer: str) -> None:
        self._identities = identities
        self._origin = origin
        self._issuer = f"{issuer}/oidc"

    def discover(self, path: str) -> Reply | None:
        """Return a discovery document; None for another path."""
        if path == "/.well-known/databricks-config":
            return Reply(200, {"oidc_endpoint": f"{self._origin}/oidc", "workspace_id": "local"})
        if path == DISCOVERY:
            root = f"{self._origin}/oidc/v1"
            return Reply(
                200,
                {
                    "issuer": self._issuer,
                    "authorization_endpoint": f"{root}/authorize",
                    "token_endpoint": f"{root}/token",
                    "grant_types_supported": ["client_credentials"],
                    "token_endpoint_auth_methods_supported": [
                        "client_secret_basic",
                        "client_secret_post",
                    ],
                    "scopes_supported": ["all-apis", "sql"],
                },
            )
        return None

    def token(self, authorization: str, body: bytes) -> Reply:
        """Return a token for a client id and secret, in the header or in the form."""
        form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type", "Only client_credentials is supported.")
        client_id, secret = _basic(authorization) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if not self._identities.is_secret(client_id, secret):
            return _error(401, "invalid_client", "Client authentication failed")
        scope = form.get("scope", "all-apis")
        token, seconds = self._identities.issue(client_id, scope, self._issuer)
        return Reply(
            200,
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": seconds,
                "scope": scope,
            },
        )


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _error(status: int, code: str, description: str) -> Reply:
    return Reply(status, {"error": code, "error_description": description})
