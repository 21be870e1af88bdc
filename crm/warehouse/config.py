"""Where the warehouse is and how patiently to use it, read from the environment once.

Nothing here opens a connection or starts a process: settings import this module, and so do
management commands that never touch data.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import environ

# The token that the local warehouse accepts. It is no secret: that server is bound to
# loopback and holds sample data.
LOCAL_TOKEN = "dapi-local-developer"

# EDIP_AUTH: whose rights statements have.
PAT = "pat"
SERVICE_PRINCIPAL = "service-principal"
USER = "user"
_AUTHS = (PAT, SERVICE_PRINCIPAL, USER)

_HOST = ("DATABRICKS_SERVER_HOSTNAME", "DATABRICKS_HOST")
_PATH = ("DATABRICKS_HTTP_PATH", "DATABRICKS_WAREHOUSE_ID")
_TOKEN = ("DATABRICKS_TOKEN",)
_CLIENT_ID = ("DATABRICKS_CLIENT_ID",)
_CLIENT_SECRET = ("DATABRICKS_CLIENT_SECRET",)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ConfigurationError(ValueError):
    """The environment configures the warehouse only in part, or in a way that is not safe."""


@dataclass(frozen=True)
class WarehouseConfig:
    """One warehouse, and how to sign in and wait for it.

    :param is_local: no Databricks connection is configured: data is the local warehouse's.
    :param hostname: bare hostname of the workspace, ``""`` where ``url`` or local is used.
    :param http_path: ``/sql/1.0/warehouses/<id>``.
    :param auth: ``pat``, ``service-principal`` or ``user`` (the signed-in person's own token).
    :param token: personal access token.
    :param client_id: the service principal's; with ``client_secret``, or the file that it is
        in, which is read again when the secret is refused.
    :param workspace_url: where the service principal gets its tokens.
    :param url: a full address for the connector, instead of hostname and path.
    :param local_address: starts the local warehouse if need be and returns its address.
    :param pool_size: connections per identity and process; more requests than that wait.
    :param pool_total: connections per process over all identities.
    :param pool_timeout: seconds that a request waits for a connection.
    :param connection_max_age: seconds after which a connection is replaced, well under the
        lifetime of tokens and of the warehouse's idle sessions.
    :param statement_timeout: seconds a statement may run. The gateway in front of Databricks
        Apps gives up after 60 s, so 45 leave time to say what happened.
    :param retries: how often the connector asks again on 429/503 (5 s apart).
    """

    is_local: bool = False
    hostname: str = ""
    http_path: str = ""
    auth: str = PAT
    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_secret_file: str = ""
    workspace_url: str = ""
    url: str = ""
    local_address: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    pool_size: int = 8
    pool_total: int = 40
    pool_timeout: float = 10.0
    connection_max_age: int = 1800
    statement_timeout: int = 45
    retries: int = 2

    def uri(self) -> str | None:
        """The address for the connector's ``_connection_uri``; None: hostname and path."""
        if self.starts_itself and self.local_address:
            return self.local_address()
        return self.url or None

    @property
    def starts_itself(self) -> bool:
        """Whether the warehouse is started when needed, at an address that changes."""
        return self.is_local and not self.url

    @property
    def where(self) -> str:
        """The warehouse in words, for pages and logs."""
        if self.url:
            return self.url
        return "local warehouse" if self.is_local else self.hostname + self.http_path

    @classmethod
    def from_env(cls, env: environ.Env, local_address: Callable[[], str]) -> WarehouseConfig:
        """Read ``DATABRICKS_*`` and ``EDIP_*``; each also as ``*_FILE`` holding a path.

        Raises ConfigurationError naming everything that is missing at once.
        """
        host, path, token, client_id, secret = (
            _first(env, names) for names in (_HOST, _PATH, _TOKEN, _CLIENT_ID, _CLIENT_SECRET)
        )
        url = _first(env, ("EDIP_WAREHOUSE_URL",)) or _loopback_url(host, path)
        auth = _auth(env.str("EDIP_AUTH", "").strip(), token, client_id and secret)
        knobs = {
            "url": url,
            "auth": auth,
            "pool_size": env.int("EDIP_POOL_SIZE", 8),
            "pool_total": env.int("EDIP_POOL_TOTAL", 40),
            "pool_timeout": env.float("EDIP_POOL_TIMEOUT", 10.0),
            "connection_max_age": env.int("EDIP_CONNECTION_MAX_AGE", 1800),
            "statement_timeout": env.int("EDIP_STATEMENT_TIMEOUT", 45),
        }
        _refuse_clear_text(url)
        connects_elsewhere = url and not _is_loopback(url)
        if not (host or path or token or client_id or secret or connects_elsewhere):
            if auth == SERVICE_PRINCIPAL:
                _require({"DATABRICKS_HOST": host, **_client(client_id, secret)})
            return cls(is_local=True, token=LOCAL_TOKEN, local_address=local_address, **knobs)
        _require(_wanted(auth, host, path, url, token, client_id, secret))
        return cls(
            hostname=_bare(host),
            http_path=_http_path(path),
            workspace_url=_workspace_url(host),
            # Only what this way of signing in needs: nothing can be used by accident.
            **({"token": token} if auth == PAT else {}),
            **(_principal(client_id, secret) if auth == SERVICE_PRINCIPAL else {}),
            **knobs,
        )


def _first(env: environ.Env, names: tuple[str, ...]) -> str:
    """The first of these variables that says something; blank counts as not set."""
    return next((value for name in names if (value := env.str(name, "").strip())), "")


def _auth(asked: str, token: str, principal: str) -> str:
    """What was asked for; else what is there. On behalf of the user: only if asked for."""
    if asked and asked not in _AUTHS:
        raise ConfigurationError(f"EDIP_AUTH is one of {', '.join(_AUTHS)}, not {asked!r}.")
    return asked or (SERVICE_PRINCIPAL if principal and not token else PAT)


def _client(client_id: str, secret: str) -> dict[str, str]:
    return {
        "DATABRICKS_CLIENT_ID": client_id,
        "DATABRICKS_CLIENT_SECRET (or DATABRICKS_CLIENT_SECRET_FILE)": secret,
    }


def _principal(client_id: str, secret: str) -> dict[str, str]:
    file = os.environ.get("DATABRICKS_CLIENT_SECRET_FILE", "")
    return {"client_id": client_id, "client_secret": secret, "client_secret_file": file}


def _wanted(
    auth: str, host: str, path: str, url: str, token: str, client_id: str, secret: str
) -> dict[str, str]:
    """What this way of signing in needs, by the name that people know it by."""
    by_url = "" if auth == SERVICE_PRINCIPAL else url
    wanted = {
        "DATABRICKS_SERVER_HOSTNAME (or DATABRICKS_HOST)": host or by_url,
        "DATABRICKS_HTTP_PATH (or DATABRICKS_WAREHOUSE_ID)": path or url,
    }
    half_a_principal = bool(client_id) != bool(secret)
    if auth == SERVICE_PRINCIPAL or (auth == PAT and not token and half_a_principal):
        wanted |= _client(client_id, secret)
    elif auth == PAT:
        wanted["DATABRICKS_TOKEN (or DATABRICKS_TOKEN_FILE)"] = token
    return wanted


def _require(wanted: dict[str, str]) -> None:
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise ConfigurationError(
            f"Databricks is configured only in part. Missing: {', '.join(missing)}. "
            "Set these, or unset every DATABRICKS_* connection variable for local mode."
        )


def _bare(host: str) -> str:
    """DATABRICKS_HOST comes as ``https://host/`` on Databricks Apps, bare elsewhere."""
    return host.removeprefix("https://").removeprefix("http://").split("/")[0]


def _workspace_url(host: str) -> str:
    """https, except on this machine (where tests have their workspace)."""
    if not host:
        return ""
    scheme = "http" if host.startswith("http://") and _is_loopback(host) else "https"
    return f"{scheme}://{_bare(host)}"


def _loopback_url(host: str, path: str) -> str:
    """A workspace on this machine: the connector takes http only as a full address."""
    clear = host.startswith("http://") and _is_loopback(host)
    return _workspace_url(host) + _http_path(path) if clear and path else ""


def _http_path(path: str) -> str:
    if not path or "/" in path:
        return path
    return f"/sql/1.0/warehouses/{path}"


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def _refuse_clear_text(url: str) -> None:
    if url and not url.startswith("https://") and not _is_loopback(url):
        raise ConfigurationError(
            "EDIP_WAREHOUSE_URL must start with https:// unless it is on this machine: "
            "the token would travel in clear text."
        )
