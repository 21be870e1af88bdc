"""How static files are named when gunicorn serves them."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names files by their content, also where one JavaScript module imports another."""

    support_js_module_import_aggregation = True
