"""The application's settings with a PostgreSQL database, for bench/postgres only."""

from __future__ import annotations

import os

from edip.settings import *  # noqa: F403
from edip.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "bench.postgres"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        # bench/postgres/compare.py sets the name: there is one for each data set.
        "NAME": "",
        "USER": "bench",
        "HOST": os.environ["BENCH_POSTGRES_SOCKETS"],
        # As in the CRM, connections stay open, so that no page pays for a new one.
        "CONN_MAX_AGE": None,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
