from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ..conftest import BASE_DIR

DATABRICKS = {
    "DATABRICKS_HOST": "example.cloud.databricks.com",
    "DATABRICKS_WAREHOUSE_ID": "0",
    "DATABRICKS_TOKEN": "none",
    "DJANGO_SECRET_KEY": "K7-pQz_4" * 8,
}
# The headers of a request to this address behind the proxy of Databricks Apps.
HOST = "crm-123.aws.databricksapps.com"
PROXIED = {"HTTP_X_FORWARDED_HOST": HOST, "HTTP_HOST": "10.0.0.1:8000"}


@pytest.fixture
def behind_the_proxy(settings: Any) -> None:
    """The settings with a Databricks warehouse, without its sign-in."""
    settings.EDIP_PLAIN_HTTP = False
    settings.ALLOWED_HOSTS = [".databricksapps.com"]
    settings.USE_X_FORWARDED_HOST = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.CSRF_COOKIE_NAME = "__Host-edip-csrf"
    settings.SECURE_HSTS_SECONDS = 31_536_000


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``python(code, **environment)`` runs the code with only these variables of ours."""

    def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
        ours = ("DATABRICKS_", "DJANGO_", "EDIP_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=BASE_DIR,
            env=kept | {"DJANGO_SETTINGS_MODULE": "edip.settings"} | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
