"""Checks of the way to the workspace: name, port, TLS, credentials, REST API."""

from __future__ import annotations

import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from crm.warehouse import Warehouse
from crm.warehouse.config import WarehouseConfig

from .report import Problem

SECONDS = 10.0
_EXPIRED = re.compile(r"expire", re.IGNORECASE)
_CHECK_NETWORK = "Check the network (VPN, firewall, proxy) and DATABRICKS_HOST."
_SCOPE = re.compile(r"scope", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """The workspace's address; ``proxy`` is the HTTP proxy that requests use, or ``""``."""

    scheme: str
    host: str
    port: int
    warehouse_id: str
    proxy: str = ""

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def locate(config: WarehouseConfig) -> Place:
    """Return the configured address. In local mode, start the warehouse if it does not run."""
    url = urlsplit(config.uri() or f"https://{config.hostname}{config.http_path}")
    host, scheme = url.hostname or "", url.scheme
    port = url.port or (443 if scheme == "https" else 80)
    proxy = urllib.request.getproxies().get(scheme, "")
    if proxy and (scheme == "http" or urllib.request.proxy_bypass(host)):
        proxy = ""
    if proxy and "//" not in proxy:
        proxy = f"http://{proxy}"
    return Place(scheme, host, port, url.path.rstrip("/").rpartition("/")[2], proxy)


def check_reachable(place: Place) -> str:
    """Resolve the name and open a connection. Raises Problem."""
    proxy = urlsplit(place.proxy) if place.proxy else None
    host = (proxy and proxy.hostname) or place.host
    port = (proxy.port or 80) if proxy else place.port
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except (OSError, UnicodeError) as error:
        raise Problem(
            "host-unknown",
            f"The name {host} has no address.",
            "Check DATABRICKS_HOST, and that this machine can resolve names (DNS, VPN).",
        ) from error
    try:
        socket.create_connection((host, port), SECONDS).close()
    except TimeoutError as error:
        raise Problem(
            "no-answer",
            f"{host} ({address}) does not answer on port {port}.",
            "A firewall, or the workspace's IP access list, may keep this machine out.",
        ) from error
    except OSError as error:
        advice = "Check the proxy: HTTPS_PROXY names it." if proxy else _CHECK_NETWORK
        raise Problem(
            "not-reachable", f"{host} ({address}) refuses connections on port {port}.", advice
        ) from error
    way = f"through the proxy {host}:{port}" if proxy else f"{address}, port {port}"
    return f"{place.host} is reachable ({way})"


def check_tls(place: Place) -> str:
    """Check the certificate. Raises Problem."""
    if place.scheme != "https":
        return "TLS is not used on this machine"
    if place.proxy:
        return "the certificate is not checked through a proxy; the next step uses TLS"
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((place.host, place.port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=place.host) as secure,
        ):
            return f"{secure.version()}, the certificate is trusted"
    except ssl.SSLCertVerificationError as error:
        raise Problem(
            "certificate-refused",
            f"The certificate of {place.host} is not trusted: {error.verify_message}.",
            "If a company proxy inspects TLS, name its certificates with SSL_CERT_FILE; "
            "otherwise check DATABRICKS_HOST.",
        ) from error
    except OSError as error:
        raise Problem(
            "tls-refused",
            f"{place.host} does not use TLS on port {place.port}.",
            "Check the address: it must be the workspace's https address without another port.",
        ) from error


def authorization(wh: Warehouse) -> dict[str, str]:
    """Return the Authorization header of this warehouse's identity. Raises SignInFailed."""
    arguments = wh.identity.connect_arguments()
    if provider := arguments.get("credentials_provider"):
        return dict(provider()())
    return {"Authorization": f"Bearer {arguments['access_token']}"}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects, which would send the token to another address."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


def warehouse_facts(place: Place, headers: dict[str, str]) -> dict[str, Any]:
    """Return the REST API's facts about the warehouse. Raises Problem if it refuses us."""
    url = f"{place.origin}/api/2.0/sql/warehouses/{place.warehouse_id}"
    opener = urllib.request.build_opener(_NoRedirects())
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=SECONDS) as answer:
            facts: dict[str, Any] = json.loads(answer.read())
            return facts
    except urllib.error.HTTPError as error:
        raise _refused(error, place) from error
    except (OSError, ValueError) as error:
        raise Problem(
            "not-a-workspace",
            f"{place.host} answers, but it is not a Databricks workspace.",
            "Check DATABRICKS_HOST: use the address that the browser shows in the workspace.",
        ) from error


def _refused(error: urllib.error.HTTPError, place: Place) -> Problem:
    text = error.read(10_000).decode(errors="replace")
    if error.code in (401, 403) and _EXPIRED.search(text):
        return Problem(
            "token-expired",
            "The token has expired.",
            "Create a new one and put it into DATABRICKS_TOKEN or the app's secret. If you are "
            "signed in to the app, reload the page.",
        )
    if error.code == 401:
        return Problem(
            "token-wrong",
            "The workspace does not know this token: it is mistyped, revoked, or belongs to "
            "another workspace.",
            "Check DATABRICKS_TOKEN (or the client id and secret) against DATABRICKS_HOST.",
        )
    if error.code == 403:
        return _forbidden(text, place)
    if error.code == 404:
        return Problem(
            "warehouse-unknown",
            f"There is no SQL warehouse {place.warehouse_id} in this workspace.",
            "Check DATABRICKS_WAREHOUSE_ID: the last part of the warehouse's HTTP path.",
        )
    return Problem(
        "workspace-error",
        f"The workspace answers with HTTP {error.code}.",
        "Try again in a minute. If this continues, see https://status.databricks.com.",
    )


def _forbidden(text: str, place: Place) -> Problem:
    if _SCOPE.search(text):
        return Problem(
            "scope-missing",
            "The token cannot be used for SQL: it lacks the scope “sql”.",
            "Add sql to the app's user_api_scopes (databricks.yml), restart the app, and sign in "
            "again.",
        )
    return Problem(
        "warehouse-not-permitted",
        f"You are signed in, but you may not use the SQL warehouse {place.warehouse_id}.",
        "An administrator grants CAN USE under SQL Warehouses, the warehouse, Permissions; the "
        "app gets it from its resource sql-warehouse.",
    )
