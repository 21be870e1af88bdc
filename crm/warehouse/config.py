"""The warehouse's address, sign-in and limits, read from the environment once.

Importing this module opens no connection and starts no process: the settings import it, and
so do management commands that never touch data.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import environ

# The token that the local warehouse accepts. It is not a secret: that server listens on
# loopback only and holds sample data.
LOCAL_TOKEN = "dapi-local-developer"

# The values of EDIP_AUTH, which choose whose rights the statements have.
PAT = "pat"
SERVICE_PRINCIPAL = "service-principal"
USER = "user"
# The sign-in of the Databricks CLI: a profile, OAuth, the Azure CLI, or the rights of a job.
UNIFIED = "unified"
_AUTHS = (PAT, SERVICE_PRINCIPAL, USER, UNIFIED)

_HOST = ("DATABRICKS_SERVER_HOSTNAME", "DATABRICKS_HOST")
_PATH = ("DATABRICKS_HTTP_PATH", "DATABRICKS_WAREHOUSE_ID")
_TOKEN = ("DATABRICKS_TOKEN",)
_CLIENT_ID = ("DATABRICKS_CLIENT_ID",)
_CLIENT_SECRET = ("DATABRICKS_CLIENT_SECRET",)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class ConfigurationError(ValueError):
    """The environment's configuration of the warehouse is incomplete or unsafe."""


@dataclass(frozen=True)
class WarehouseConfig:
    """One warehouse: its address, how to sign in, and how long to wait for it.

    :param is_local: no Databricks connection is configured, so the local warehouse is used.
    :param hostname: the workspace's hostname, ``""`` where ``url`` or the local warehouse is used.
    :param http_path: ``/sql/1.0/warehouses/<id>``.
    :param auth: ``pat``, ``service-principal``, ``user`` (the signed-in person's own token) or
        ``unified`` (as the Databricks CLI signs in).
    :param profile: with ``unified``, the profile of the Databricks CLI; empty: none, the
        environment names the workspace.
    :param token: the personal access token.
    :param client_id: the service principal's id, used with ``client_secret``. With ``auth`` user
        it is optional; see ``Warehouse.with_app_rights``.
    :param client_secret_file: the file with the secret. It is read again when the secret is
        refused.
    :param workspace_url: where the service principal fetches its tokens.
    :param url: a full address for the connector, instead of hostname and path.
    :param local_address: starts the local warehouse if it does not run and returns its address.
    :param pool_size: connections per identity and process; further requests wait.
    :param pool_total: connections per process over all identities.
    :param pool_timeout: seconds that a request waits for a connection.
    :param connection_max_age: seconds after which a connection is replaced; well below the
        lifetime of tokens and of the warehouse's idle sessions.
    :param statement_timeout: seconds a statement may run. The gateway in front of Databricks
        Apps gives up after 60 s, so 45 s leave time for an error page.
    :param bulk_timeout: seconds that a statement of bulk work may run: imports, backups, restores.
        No gateway limits these.
    :param is_bulk: the connections are those of bulk work.
    :param query_tags: send each statement with tags, which system.query.history shows.
    :param retries: how often the connector asks again on 429/503 (5 s apart).
    """

    is_local: bool = False
    hostname: str = ""
    http_path: str = ""
    auth: str = PAT
    token: str = field(default="", repr=False)
    profile: str = ""
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
    bulk_timeout: int = 600
    is_bulk: bool = False
    retries: int = 2
    query_tags: bool = True

    def uri(self) -> str | None:
        """Return the connector's ``_connection_uri``; None: use hostname and path."""
        if self.starts_itself and self.local_address:
            return self.local_address()
        return self.url or None

    @property
    def answer_seconds(self) -> int:
        """Return the seconds that one HTTP answer may take if the work has no deadline.

        A little more than a page's statement, and less than the gateway's 60 s. While a longer
        statement runs, the connector asks for its state again and again.
        """
        return self.statement_timeout + 10

    @property
    def statement_seconds(self) -> int:
        """Return the seconds that a statement may run on these connections."""
        return self.bulk_timeout if self.is_bulk else self.statement_timeout

    @property
    def starts_itself(self) -> bool:
        """Return whether the app starts the warehouse; its address then changes with each
        start."""
        return self.is_local and not self.url

    @property
    def where(self) -> str:
        """The warehouse's address, for pages and logs."""
        if self.url:
            return self.url
        return "local warehouse" if self.is_local else self.hostname + self.http_path

    @classmethod
    def from_env(cls, env: environ.Env, local_address: Callable[[], str]) -> WarehouseConfig:
        """Read ``DATABRICKS_*`` and ``EDIP_*``; ``*_FILE`` names a file with the value.

        Raises ConfigurationError that names every missing variable.
        """
        names = (_HOST, _PATH, _TOKEN, _CLIENT_ID, _CLIENT_SECRET)
        host, path, token, client_id, secret = (_first(env, each) for each in names)
        auth = _auth(env.str("EDIP_AUTH", "").strip(), token, client_id and secret)
        profile = env.str("DATABRICKS_CONFIG_PROFILE", "").strip() if auth == UNIFIED else ""
        if auth == UNIFIED and (profile or not host):
            profile, values = _profile(profile)
            host, path = host or values.get("host", ""), path or values.get("warehouse_id", "")
        url = _first(env, ("EDIP_WAREHOUSE_URL",)) or _loopback_url(host, path)
        config = _with_limits(cls(url=url, auth=auth), env)
        _refuse_clear_text(url)
        connects_elsewhere = url and not _is_loopback(url)
        if not (host or path or token or client_id or secret or connects_elsewhere):
            if auth in (SERVICE_PRINCIPAL, UNIFIED):
                _require(_required(auth, host, path or url, url, token, client_id, secret))
            return replace(config, is_local=True, token=LOCAL_TOKEN, local_address=local_address)
        _require(_required(auth, host, path, url, token, client_id, secret))
        config = replace(
            config,
            hostname=_bare(host),
            http_path=_http_path(path),
            workspace_url=_workspace_url(host),
        )
        # Only the credentials of this sign-in: no others can be used by accident. With people's
        # own tokens, the service principal finds keys that row filters hide from them.
        if auth == PAT:
            return replace(config, token=token)
        if auth == UNIFIED:
            return replace(config, profile=profile)
        if client_id and secret and config.workspace_url:
            file = os.environ.get("DATABRICKS_CLIENT_SECRET_FILE", "")
            return replace(
                config, client_id=client_id, client_secret=secret, client_secret_file=file
            )
        return config


def _with_limits(config: WarehouseConfig, env: environ.Env) -> WarehouseConfig:
    return replace(
        config,
        pool_size=env.int("EDIP_POOL_SIZE", 8),
        pool_total=env.int("EDIP_POOL_TOTAL", 40),
        pool_timeout=env.float("EDIP_POOL_TIMEOUT", 10.0),
        connection_max_age=env.int("EDIP_CONNECTION_MAX_AGE", 1800),
        statement_timeout=env.int("EDIP_STATEMENT_TIMEOUT", 45),
        bulk_timeout=env.int("EDIP_BULK_TIMEOUT", 600),
        query_tags=env.bool("EDIP_QUERY_TAGS", True),
    )


def _first(env: environ.Env, names: tuple[str, ...]) -> str:
    """Return the first of these variables that is not blank."""
    return next((value for name in names if (value := env.str(name, "").strip())), "")


def _auth(chosen: str, token: str, principal: str) -> str:
    """Return EDIP_AUTH, or the sign-in that the credentials imply; ``user`` is never implied."""
    if chosen and chosen not in _AUTHS:
        raise ConfigurationError(f"EDIP_AUTH is one of {', '.join(_AUTHS)}, not {chosen!r}.")
    return chosen or (SERVICE_PRINCIPAL if principal and not token else PAT)


def _client(client_id: str, secret: str) -> dict[str, str]:
    return {
        "DATABRICKS_CLIENT_ID": client_id,
        "DATABRICKS_CLIENT_SECRET (or DATABRICKS_CLIENT_SECRET_FILE)": secret,
    }


def _required(
    auth: str, host: str, path: str, url: str, token: str, client_id: str, secret: str
) -> dict[str, str]:
    """Return the values that this sign-in needs, by the names of their variables."""
    by_url = "" if auth in (SERVICE_PRINCIPAL, UNIFIED) else url
    required = {
        "DATABRICKS_SERVER_HOSTNAME (or DATABRICKS_HOST)": host or by_url,
        "DATABRICKS_HTTP_PATH (or DATABRICKS_WAREHOUSE_ID)": path or url,
    }
    half_a_principal = bool(client_id) != bool(secret)
    if auth == SERVICE_PRINCIPAL or (auth == PAT and not token and half_a_principal):
        required |= _client(client_id, secret)
    elif auth == PAT:
        name = "DATABRICKS_TOKEN (or DATABRICKS_TOKEN_FILE, or EDIP_AUTH=unified)"
        required[name] = token
    return required


def _require(values: dict[str, str]) -> None:
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise ConfigurationError(
            f"The Databricks connection is incomplete. Missing: {', '.join(missing)}. "
            "Set these variables, or unset every DATABRICKS_* connection variable to use the "
            "local warehouse."
        )


def _profile(name: str) -> tuple[str, dict[str, str]]:
    """Return this profile of the Databricks CLI, or its default, and the values that it has."""
    # In this file DEFAULT is a profile, and no other one has its values.
    file = ConfigParser(interpolation=None, default_section="")
    place = os.environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg"
    try:
        file.read(Path(place).expanduser())
    except (OSError, ValueError, ConfigParserError):
        return name, {}
    name = name or file.get("__settings__", "default_profile", fallback="").strip() or "DEFAULT"
    return name, dict(file[name]) if file.has_section(name) else {}


def _bare(host: str) -> str:
    """Return the hostname: Databricks Apps sets DATABRICKS_HOST to ``https://host/``."""
    return host.removeprefix("https://").removeprefix("http://").split("/")[0]


def _workspace_url(host: str) -> str:
    """Return the workspace's address: https, except on this machine (for tests)."""
    if not host:
        return ""
    scheme = "http" if host.startswith("http://") and _is_loopback(host) else "https"
    return f"{scheme}://{_bare(host)}"


def _loopback_url(host: str, path: str) -> str:
    """Return a full address for a workspace on this machine that has no TLS, else ``""``.

    The connector accepts http only as a full address.
    """
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
