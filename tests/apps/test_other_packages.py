"""Packages that others have installed beside the app's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..conftest import BASE_DIR

SHOW = "from django.conf import settings; settings.DEBUG; import openpyxl; print(openpyxl.LXML)"


def test_workbooks_are_written_without_lxml(tmp_path: Path) -> None:
    (tmp_path / "lxml").mkdir()
    (tmp_path / "lxml" / "__init__.py").touch()
    (tmp_path / "lxml" / "etree.py").write_text("LXML_VERSION = (6, 0, 0, 0)\n")
    environment = {name: value for name, value in os.environ.items() if name != "OPENPYXL_LXML"}
    environment |= {"PYTHONPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "edip.settings"}
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert (shown.stdout, shown.stderr) == ("False\n", "")
