"""Do slow work before the first request, so that no request waits for it.

gunicorn does it once, before it forks its workers, so it must send no statement and start no
thread.
"""

from __future__ import annotations

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
