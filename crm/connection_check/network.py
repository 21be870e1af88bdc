"""The way to the workspace, from outside in: name, port, TLS, credentials, REST API."""

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
    """Where the workspace is; ``proxy`` is what requests pass on their way, if anything."""

    scheme: str
    host: str
    port: int
    warehouse_id: str
    proxy: str = ""

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def place(config: WarehouseConfig) -> Place:
    """Where the configuration leads. In local mode this starts the warehouse if need be."""
    url = urlsplit(config.uri() or f"https://{config.hostname}{config.http_path}")
    host, scheme = url.hostname or "", url.scheme
    port = url.port or (443 if scheme == "https" else 80)
    proxy = urllib.request.getproxies().get(scheme, "")
    if proxy and (scheme == "http" or urllib.request.proxy_bypass(host)):
        proxy = ""
    if proxy and "//" not in proxy:
        proxy = f"http://{proxy}"
    return Place(scheme, host, port, url.path.rstrip("/").rpartition("/")[2], proxy)


def check_reachable(there: Place) -> str:
    proxy = urlsplit(there.proxy) if there.proxy else None
    host = (proxy and proxy.hostname) or there.host
    port = (proxy.port or 80) if proxy else there.port
    try:
        address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]
    except (OSError, UnicodeError) as error:
        raise Problem(
            "host-unknown",
            f"There is no address for {host}.",
            "Check DATABRICKS_HOST, and that this machine can resolve names (DNS, VPN).",
        ) from error
    try:
        socket.create_connection((host, port), SECONDS).close()
    except TimeoutError as error:
        raise Problem(
            "no-answer",
            f"{host} ({address}) does not answer at port {port}.",
            "A firewall, or the workspace's IP access list, may keep this machine out.",
        ) from error
    except OSError as error:
        advice = "Check the proxy: HTTPS_PROXY names it." if proxy else _CHECK_NETWORK
        raise Problem(
            "not-reachable", f"{host} ({address}) refuses connections at port {port}.", advice
        ) from error
    way = f"by way of the proxy {host}:{port}" if proxy else f"{address}, port {port}"
    return f"{there.host} is reached ({way})"


def check_tls(there: Place) -> str:
    if there.scheme != "https":
        return "not used on this machine"
    if there.proxy:
        return "ends at the proxy's other side; the next step tells"
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection((there.host, there.port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=there.host) as secure,
        ):
            return f"{secure.version()}, certificate is trusted"
    except ssl.SSLCertVerificationError as error:
        raise Problem(
            "certificate-refused",
            f"The certificate of {there.host} is not trusted: {error.verify_message}.",
            "If a company proxy inspects TLS, name its certificates with SSL_CERT_FILE; "
            "otherwise check DATABRICKS_HOST.",
        ) from error
    except OSError as error:
        raise Problem(
            "tls-refused",
            f"{there.host} does not speak TLS at port {there.port}.",
            "Check the address: it must be the workspace's https address, with no other port.",
        ) from error


def authorization(wh: Warehouse) -> dict[str, str]:
    """The header that signs this warehouse's identity in. May raise SignInFailed."""
    arguments = wh.identity.connect_arguments()
    if provider := arguments.get("credentials_provider"):
        return dict(provider()())
    return {"Authorization": f"Bearer {arguments['access_token']}"}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to another address."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


def warehouse_facts(there: Place, headers: dict[str, str]) -> dict[str, Any]:
    """What the REST API says of the warehouse. Raises Problem where it does not let us in."""
    url = f"{there.origin}/api/2.0/sql/warehouses/{there.warehouse_id}"
    opener = urllib.request.build_opener(_NoRedirects())
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=SECONDS) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise _refused(error, there) from error
    except (OSError, ValueError) as error:
        raise Problem(
            "not-a-workspace",
            f"{there.host} answers, but not as a Databricks workspace does.",
            "Check DATABRICKS_HOST: it is the address that the browser shows in the workspace.",
        ) from error


def _refused(error: urllib.error.HTTPError, there: Place) -> Problem:
    text = error.read(10_000).decode(errors="replace")
    if error.code in (401, 403) and _EXPIRED.search(text):
        return Problem(
            "token-expired",
            "The token has expired.",
            "Make a new one, and put it where DATABRICKS_TOKEN or the app's secret says. "
            "Somebody signed in to the app reloads the page.",
        )
    if error.code == 401:
        return Problem(
            "token-wrong",
            "The workspace does not know this token: it is mistyped, revoked, or another "
            "workspace's.",
            "Check DATABRICKS_TOKEN (or the client id and secret) against DATABRICKS_HOST.",
        )
    if error.code == 403:
        return _forbidden(text, there)
    if error.code == 404:
        return Problem(
            "warehouse-unknown",
            f"There is no SQL warehouse {there.warehouse_id} in this workspace.",
            "Check DATABRICKS_WAREHOUSE_ID: the last part of the warehouse's HTTP path.",
        )
    return Problem(
        "workspace-error",
        f"The workspace answers with HTTP {error.code}.",
        "Try again in a minute; if it stays, see https://status.databricks.com.",
    )


def _forbidden(text: str, there: Place) -> Problem:
    if _SCOPE.search(text):
        return Problem(
            "scope-missing",
            "The token may not be used for SQL: it lacks the scope “sql”.",
            "Add sql to the app's user_api_scopes (databricks.yml), stop and start the app, "
            "and sign in anew.",
        )
    return Problem(
        "warehouse-not-permitted",
        f"Signed in, but the SQL warehouse {there.warehouse_id} may not be used.",
        "Give CAN USE on the warehouse: SQL Warehouses, the warehouse, Permissions; for "
        "the app by its resource sql-warehouse.",
    )
