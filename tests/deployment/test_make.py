"""``make``: its help, and its output during installation, with a pip that prints a file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ..conftest import BASE_DIR

PIP = """\
#!/bin/sh
echo 'Collecting django==5.2.19 (from -r requirements.txt (line 12))'
echo '  Downloading django-5.2.19-py3-none-any.whl (8.3 MB)'
echo 'Collecting sqlparse>=0.3.1 (from django==5.2.19->-r requirements.txt (line 12))'
echo 'Installing collected packages: sqlparse, django'
echo 'Successfully installed django-5.2.19 sqlparse-0.5.3'
exit {code}
"""
# Replaces python3: `-m venv` creates the folder with the pip above.
PYTHON = """\
#!/bin/sh
[ "$1" = -m ] && mkdir -p .venv/bin && cp pip .venv/bin/pip
exit 0
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements-dev.lock"):
        shutil.copy(BASE_DIR / name, tmp_path)
    return tmp_path


def make(folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", *targets], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


def install(checkout: Path, code: int) -> subprocess.CompletedProcess[str]:
    for name, text in (("python", PYTHON), ("pip", PIP.format(code=code))):
        (checkout / name).write_text(text)
        (checkout / name).chmod(0o755)
    return make(checkout, "install", "PYTHON=./python")


def test_installing_says_what_it_does(checkout: Path) -> None:
    done = install(checkout, 0)
    assert done.stdout.splitlines() == [
        "Installing Python packages into .venv (a minute or two, once) …",
        " django sqlparse",
        "Writing them to .venv …",
        "Installed.",
    ]
    assert done.stderr == ""
    assert done.returncode == 0
    # It installs again only after the requirements changed.
    assert "Installing" not in make(checkout, "install", "PYTHON=./python").stdout


def test_what_pip_could_not_install_is_tried_again(checkout: Path) -> None:
    assert install(checkout, 1).returncode != 0
    assert not (checkout / ".venv" / ".installed").exists()


AUDIT = """\
#!/bin/sh
case "$*" in *--require-hashes*requirements-dev.lock*) ;; *) exit 3 ;; esac
{body}
"""


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("echo 'No known vulnerabilities found'", 0, "No known vulnerabilities found"),
        ("echo 'requests.exceptions.ProxyError: no way' >&2; exit 1", 2, "Nothing was checked"),
        ("echo 'Found 1 known vulnerability' >&2; exit 1", 2, "Found 1 known vulnerability"),
    ],
    ids=["none", "offline", "one"],
)
def test_an_audit_without_a_network_says_so(
    checkout: Path, body: str, code: int, said: str
) -> None:
    command = checkout / ".venv/audit/bin/pip-audit"
    command.parent.mkdir(parents=True)
    command.write_text(AUDIT.format(body=body))
    command.chmod(0o755)
    done = make(checkout, "audit")
    assert said in done.stdout + done.stderr
    assert ("Nothing" in done.stdout) == ("ProxyError" in body)
    assert done.returncode == code  # make itself ends with 2


def test_help_lists_the_targets(checkout: Path) -> None:
    listed = re.findall(r"^  make ([a-z-]+)", make(checkout).stdout, re.MULTILINE)
    wanted = "install run test test-fast test-apps lint bundle-schema lock bench soak faults tasks screenshots guide audit clean"
    assert sorted(listed) == sorted(wanted.split())
