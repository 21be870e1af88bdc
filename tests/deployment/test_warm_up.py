"""Workers are ready before they take requests, and no statement was sent by then."""

from __future__ import annotations

import gc
import runpy
import threading
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core import management
from django.template import engines
from django.urls import clear_url_caches, get_resolver

from crm.warehouse.statements import Warehouse
from edip import warm_up


def test_views_and_templates_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Warehouse, "query", lambda *arguments: pytest.fail("sent a statement"))
    # Workers are forked later, and would not have it.
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("started a thread"))
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


def test_gunicorn_does_it_before_it_forks_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setenv("EDIP_STATIC_ROOT", "set by on_starting")
    monkeypatch.setattr(management, "call_command", lambda name, **_: done.append(name))
    monkeypatch.setattr(warm_up, "warm_up", lambda: done.append("warm_up"))
    monkeypatch.setattr(gc, "freeze", lambda: done.append("freeze"))
    monkeypatch.setattr(gc, "set_threshold", lambda *numbers: done.append("search less"))
    configuration = runpy.run_path(str(settings.BASE_DIR / "gunicorn.conf.py"))
    server = SimpleNamespace(cfg=SimpleNamespace(address=[("127.0.0.1", 8000)]))
    configuration["on_starting"](server)
    configuration["on_exit"](server)
    assert done == ["collectstatic", "warm_up", "freeze", "search less"]
