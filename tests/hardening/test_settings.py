"""Settings as a process reads them from its environment.

test_lint runs Django's deployment check, as `make lint` does.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import environ
import pytest
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from ..conftest import BASE_DIR
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


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimpleNamespace]:
    """``read(**environment)``: the settings of a process with only these variables of ours."""
    for name in os.environ:
        if name.startswith(("DATABRICKS_", "DJANGO_", "EDIP_")):
            monkeypatch.delenv(name)

    def read(**variables: str) -> SimpleNamespace:
        found = importlib.util.find_spec("edip.settings")
        module = importlib.util.module_from_spec(found)
        with monkeypatch.context() as environment:
            for name, value in variables.items():
                environment.setenv(name, value)
            found.loader.exec_module(module)
        return SimpleNamespace(**vars(global_settings) | vars(module))

    return read


def test_databricks_mode_is_closed(read: Callable[..., SimpleNamespace]) -> None:
    settings = read(**DATABRICKS)
    assert {name: getattr(settings, name) for name in NAMES} == {
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


def test_a_secret_key_is_required_outside_local_mode(
    read: Callable[..., SimpleNamespace],
) -> None:
    for key in ({}, {"DJANGO_SECRET_KEY": "  "}):
        variables = {name: DATABRICKS[name] for name in DATABRICKS if name[:6] != "DJANGO"}
        message = "DJANGO_SECRET_KEY is missing: 50 random characters or more"
        with pytest.raises(ImproperlyConfigured, match=message):
            read(**variables, **key)


def test_local_mode_needs_no_key_and_knows_this_machine_alone(
    read: Callable[..., SimpleNamespace],
) -> None:
    settings = read()
    assert settings.ALLOWED_HOSTS == ["127.0.0.1", "localhost", "[::1]"]
    assert settings.SECURE_HSTS_SECONDS == 0
    assert not settings.USE_X_FORWARDED_HOST


def test_a_real_warehouse_without_tls_is_for_this_machine_alone(
    read: Callable[..., SimpleNamespace],
) -> None:
    settings = read(**DATABRICKS, EDIP_PLAIN_HTTP="true")
    assert settings.ALLOWED_HOSTS == ["127.0.0.1", "localhost", "[::1]"]
    with pytest.raises(ImproperlyConfigured, match="EDIP_PLAIN_HTTP is for development"):
        read(**DATABRICKS, EDIP_PLAIN_HTTP="true", DATABRICKS_APP_PORT="8000")


def test_databricks_apps_is_no_place_for_debug_pages(
    read: Callable[..., SimpleNamespace],
) -> None:
    for variable in ("DATABRICKS_APP_NAME", "DATABRICKS_APP_PORT"):
        with pytest.raises(ImproperlyConfigured, match="DJANGO_DEBUG is for development"):
            read(**DATABRICKS, **{variable: "8000"}, DJANGO_DEBUG="true")
    assert read(**DATABRICKS, DJANGO_DEBUG="true").DEBUG


def test_a_file_of_settings_counts_in_development_alone(
    read: Callable[..., SimpleNamespace], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Databricks Apps does not read .env, and .env cannot pretend that a machine is Databricks
    Apps."""
    file = tmp_path / ".env"
    file.write_text("EDIP_ADMINS=mallory@example.com\nDATABRICKS_APP_NAME=forged\n")
    real = environ.Env.read_env
    monkeypatch.setattr(environ.Env, "read_env", lambda path, **options: real(file, **options))
    settings = read(**DATABRICKS)
    assert (settings.EDIP_ADMINS, settings.IN_DATABRICKS_APPS) == (["mallory@example.com"], False)
    for name in ("EDIP_ADMINS", "DATABRICKS_APP_NAME"):
        monkeypatch.delenv(name, raising=False)
    settings = read(**DATABRICKS, DATABRICKS_APP_NAME="edip-crm")
    assert (settings.EDIP_ADMINS, settings.IN_DATABRICKS_APPS) == ([], True)


def test_days_by_status_are_written_as_in_the_example(
    read: Callable[..., SimpleNamespace],
) -> None:
    examples = (BASE_DIR / ".env.example").read_text()
    example = re.search(r"^# EDIP_STATUS_DAYS=(.+)$", examples, re.MULTILINE)[1]
    assert read(EDIP_STATUS_DAYS=example).EDIP_STATUS_DAYS == read().EDIP_STATUS_DAYS
    days = read(EDIP_STATUS_DAYS="Requested=7, In Progress=30").EDIP_STATUS_DAYS
    assert days == {"Requested": 7, "In Progress": 30}
    with pytest.raises(ImproperlyConfigured, match="Requested=14,In Progress=90"):
        read(EDIP_STATUS_DAYS="Requested=14;In Progress=90")


def test_blanks_around_choices_do_not_count(read: Callable[..., SimpleNamespace]) -> None:
    assert read(EDIP_PLATFORMS="Databricks, Power BI,").EDIP_PLATFORMS == [
        "Databricks",
        "Power BI",
    ]
