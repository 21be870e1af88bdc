"""A worker is ready before it takes requests, and has sent no statement by then."""

from __future__ import annotations

import runpy
import signal
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template import engines
from django.urls import clear_url_caches, get_resolver

from crm.importing.jobs import job
from crm.warehouse.statements import Warehouse
from edip import warm_up


def test_views_and_templates_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Warehouse, "query", lambda *arguments: pytest.fail("sent a statement"))
    clear_url_caches()
    loader = engines["django"].engine.template_loaders[0]
    loader.reset()
    loaded: list[str] = []
    monkeypatch.setattr(warm_up, "load_connector", lambda: loaded.append("connector"))
    monkeypatch.setattr(warm_up.person, "zone_names", lambda: loaded.append("time zones"))
    warm_up.warm_up()
    assert loaded == ["time zones", "connector"]
    assert get_resolver()._populated
    names = {template.name for template in loader.get_template_cache.values()}
    folder = settings.BASE_DIR / "templates"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.html")} <= names


def test_gunicorn_does_it_in_each_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(warm_up, "warm_up", lambda: called.append("warm_up"))
    monkeypatch.setattr(job, "start_sweeper", lambda: None)
    monkeypatch.setattr(signal, "signal", lambda *arguments: None)
    configuration = runpy.run_path(str(settings.BASE_DIR / "gunicorn.conf.py"))
    configuration["post_worker_init"](SimpleNamespace())
    assert called == ["warm_up"]
