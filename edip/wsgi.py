"""WSGI entry point, started by gunicorn (see app.yaml)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")

application = get_wsgi_application()
