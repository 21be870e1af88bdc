"""Name the static files that gunicorn serves."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Names files by their content, also where one of our JavaScript modules imports another.

    Django's own ``support_js_module_import_aggregation`` also rewrites text that looks like an
    import in the files of django_htmx, and fails there.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        (
            "js/*.js",
            (
                (
                    r'(?P<matched>\b(?P<word>from|import) "(?P<url>\.{1,2}/[^"]+)";)',
                    '%(word)s "%(url)s";',
                ),
            ),
        ),
    )
