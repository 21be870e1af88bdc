"""Do slow work before the first request, so that no request waits for it.

gunicorn does it once, before it forks its workers, so it must send no statement and start no
thread.
"""

from __future__ import annotations

import gc

from django.conf import settings
from django.template.loader import get_template
from django.urls import reverse

from crm.middleware import person
from crm.warehouse import load_connector


def warm_up() -> None:
    """Import the views and the connector, compile the templates, read the names of time zones."""
    reverse("overview")
    folder = settings.BASE_DIR / "templates"
    for path in folder.rglob("*.html"):
        get_template(str(path.relative_to(folder)))
    person.zone_names()
    load_connector()


def spare_garbage_search() -> None:
    """Let Python search nothing that is loaded now for garbage, and search the rest less often.

    A search of what is loaded takes 0.1 s, and copies it in forked processes. A page makes so many
    objects that a search after each 700, Python's default, takes 1.3 ms of it, and 0.3 now.
    """
    gc.freeze()
    gc.set_threshold(20_000)
