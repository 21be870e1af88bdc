from __future__ import annotations

from typing import Any

import pytest

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
