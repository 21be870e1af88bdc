"""Find and name the static files."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from crm import icons


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Return the folder of the file, which stays as long as the process: WhiteNoise keeps its
    path."""
    folder = Path(tempfile.mkdtemp(prefix="edip-icons-"))
    atexit.register(_remove, folder, os.getpid())
    (folder / icons.FILE).write_text(icons.sprite())
    return folder


def _remove(folder: Path, owner: int) -> None:
    """Remove the folder when its process ends, but not when one ends that was forked from it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


class IconsFinder(BaseFinder):
    """Finds the file of icons, which it writes to a temporary folder at its first use."""

    def find(self, path: str, find_all: bool = False, **options: Any) -> Any:
        """Return the file's path on disk, in a list with ``find_all``; an empty list: not ours."""
        if path != icons.FILE:
            return []
        found = str(_folder() / icons.FILE)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        yield icons.FILE, FileSystemStorage(_folder())


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
