"""Find and name the static files."""

from __future__ import annotations

import hashlib
import os
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
    """Return the folder of the file. Processes with equal icons share one folder, which stays when
    they end, so that killed processes do not leave one each."""
    icons_file = icons.sprite().encode()
    version = hashlib.sha256(icons_file).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"edip-icons-{os.getuid()}-{version}"
    if not _is_ours(folder):
        folder = Path(tempfile.mkdtemp(prefix="edip-icons-"))
    # Other processes may be reading the file, and other threads writing it.
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as written:
        written.write(icons_file)
    Path(written.name).replace(folder / icons.FILE)
    return folder


def _is_ours(folder: Path) -> bool:
    """Return whether it is a folder of this user, which is created if it does not exist."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileExistsError:  # a file, or a link to nothing
        return False
    return not folder.is_symlink() and folder.stat().st_uid == os.getuid()


class IconsFinder(BaseFinder):
    """Finds the icon file, which it writes to a temporary folder at the first use."""

    def find(self, path: str, find_all: bool = False, **options: Any) -> Any:
        """Return the file's path on disk, as a list with ``find_all``; an empty list for other
        files."""
        if path != icons.FILE:
            return []
        found = str(_folder() / icons.FILE)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        yield icons.FILE, FileSystemStorage(_folder())


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Names files by their content, including the imports between our JavaScript modules.

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
