"""Find and name the static files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from crm import icons


class IconsFinder(BaseFinder):
    """Finds the file of icons, which it writes to a temporary folder at its first use."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._folder = tempfile.TemporaryDirectory(prefix="edip-icons-")
        (Path(self._folder.name) / icons.FILE).write_text(icons.sprite())

    def find(self, path: str, find_all: bool = False, **options: Any) -> Any:
        """Return the file's path on disk, in a list with ``find_all``; an empty list: not ours."""
        if path != icons.FILE:
            return []
        found = str(Path(self._folder.name) / icons.FILE)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        yield icons.FILE, FileSystemStorage(self._folder.name)


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
