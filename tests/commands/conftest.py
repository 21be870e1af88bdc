from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crm.model.namespace import Namespace
from crm.repository.records import accounts
from crm.warehouse import Warehouse, dispose_all
from crm.warehouse.config import WarehouseConfig

from ..conftest import LocalWarehouse
from ..schemas import CONTENTS
from .digest_runs import HOME


@pytest.fixture(autouse=True)
def _as_new() -> Iterator[None]:
    """Close the connections after each test, since each test has its own token."""
    yield
    dispose_all()


@pytest.fixture
def sign_in(server: LocalWarehouse, settings: Any) -> Callable[..., str]:
    """``sign_in(expires_in=…, scopes=…, warehouse=…)`` signs in with such a token, returns the user."""

    def sign_in(**options: Any) -> str:
        user, token = f"{uuid.uuid4().hex[:8]}@example.com", f"dapi-{uuid.uuid4().hex}"
        server._ask("POST", "/tokens", {"token": token, "user": user, **options})
        settings.WAREHOUSE = WarehouseConfig(is_local=True, url=server.url, token=token)
        return user

    return sign_in


@pytest.fixture
def state(server: LocalWarehouse) -> Iterator[Callable[..., None]]:
    """Set the warehouse's state until the end of the test."""
    yield lambda **what: server._ask("POST", "/warehouse", what) and None
    server._ask("POST", "/warehouse", {"state": "RUNNING", "unity_catalog": True})


@pytest.fixture
def home(sample: Warehouse) -> Iterator[Namespace]:
    """The schema for backups of the sample tables; removed at the end."""
    where = Namespace(sample.namespace.catalog, f"{sample.namespace.schema}_backups")
    yield where
    sample.execute(f"DROP SCHEMA IF EXISTS {where.quoted_schema} CASCADE", repeatable=True)


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[int]:
    """The port of a server with a self-signed certificate."""
    certificate, key = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


LACKS_A_PARTNER = {"bsnid": "BSN001", "team": "Claims", "business_area": "Finance"}
CONTENTS["one_account"] = lambda wh: accounts.create(wh, LACKS_A_PARTNER)


@pytest.fixture
def one_account(warehouse: Warehouse) -> Warehouse:
    """One account, which lacks an IT partner."""
    return warehouse


@pytest.fixture
def by_mail(settings: Any) -> None:
    settings.EDIP_APP_URL, settings.EDIP_HAS_MAIL = f"{HOME}/", True
