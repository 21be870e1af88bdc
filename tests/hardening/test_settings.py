"""Settings as a process reads them from its environment."""

from __future__ import annotations

import json
from collections.abc import Callable

from .conftest import DATABRICKS

NAMES = [
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "CSRF_COOKIE_SECURE",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "CSRF_COOKIE_HTTPONLY",
    "CSRF_COOKIE_NAME",
    "SECURE_HSTS_SECONDS",
    "SECURE_SSL_REDIRECT",
    "USE_X_FORWARDED_HOST",
    "DEBUG",
]
PRINT = f"""
import json
from django.conf import settings
print(json.dumps({{name: getattr(settings, name) for name in {NAMES}}}))
"""


def test_databricks_mode_is_closed(python: Callable) -> None:
    done = python(PRINT, **DATABRICKS)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "ALLOWED_HOSTS": [".databricksapps.com"],
        "CSRF_TRUSTED_ORIGINS": [],
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_NAME": "__Host-edip-csrf",
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_SSL_REDIRECT": False,
        "USE_X_FORWARDED_HOST": True,
        "DEBUG": False,
    }


def test_a_secret_key_is_required_outside_local_mode(python: Callable) -> None:
    for key in ({}, {"DJANGO_SECRET_KEY": "  "}):
        variables = {name: DATABRICKS[name] for name in DATABRICKS if name[:6] != "DJANGO"}
        done = python(PRINT, **variables, **key)
        assert done.returncode != 0
        assert "DJANGO_SECRET_KEY is missing: 50 random characters or more" in done.stderr


def test_local_mode_needs_no_key_and_knows_this_machine_alone(python: Callable) -> None:
    done = python(PRINT)
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert settings["SECURE_HSTS_SECONDS"] == 0
    assert not settings["USE_X_FORWARDED_HOST"]


def test_a_real_warehouse_without_tls_is_for_this_machine_alone(python: Callable) -> None:
    done = python(PRINT, **DATABRICKS, EDIP_PLAIN_HTTP="true")
    assert json.loads(done.stdout)["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    done = python(PRINT, **DATABRICKS, EDIP_PLAIN_HTTP="true", DATABRICKS_APP_PORT="8000")
    assert "EDIP_PLAIN_HTTP is for development" in done.stderr


def test_deployment_check_is_clean(python: Callable) -> None:
    code = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "check", "--deploy", "--fail-level", "WARNING"])
"""
    done = python(code, **DATABRICKS)
    assert done.returncode == 0, done.stderr
