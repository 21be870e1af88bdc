"""The folders of jobs: where they are, and the names and states in them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state of the job in a folder, or None if there is none."""
    with suppress(OSError, ValueError):
        state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        # Before an update of the app, ``wrote`` had sums by table, and no operations.
        wrote = state.get("wrote", {}).items()
        return state | {"wrote": {id: rows for id, rows in wrote if isinstance(rows, dict)}}
    return None


def home() -> Path:
    """Return the folder that has a folder for each job; nobody else may look into it."""
    home = Path(tempfile.gettempdir()) / f"edip-imports-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid():
        raise PermissionError(f"{home} belongs to another user")
    return home


def is_id(text: str) -> bool:
    """Return whether a job may have this id."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]{32}", text))


def safe_name(name: str) -> str:
    """Return the uploaded file's name, made safe for our file system; its ending is kept."""
    name = re.sub(r"[\x00-\x1f/\\]", "_", Path(name).name).lstrip(".")
    # File systems limit the bytes of a name.
    return name[-120:].encode(errors="ignore")[-200:].decode(errors="ignore") or "file"
