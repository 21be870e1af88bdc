"""requirements.txt and the locks have every package, in the versions of requirements*.in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ..conftest import BASE_DIR

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# What is written by hand → what `make lock` makes of it.
MADE = {
    "requirements.in": ("requirements.txt", "requirements.lock"),
    "requirements-otel.in": ("requirements-otel.txt",),
    "requirements-dev.in": ("requirements-dev.lock",),
}


def problems(folder: Path) -> Iterator[str]:
    for written, made in MADE.items():
        wanted = dict(_closure(_written(folder / written)))
        for name in made:
            pins = _pins(folder / name)
            found = {pin.name: str(pin.specifier) for pin in pins if _counts(pin)}
            for package in sorted(wanted.keys() | found.keys()):
                if wanted.get(package) != found.get(package):
                    yield f"{name}: {package} {found.get(package)}, not {wanted.get(package)}"
        # Other systems' packages, too, have the versions that are deployed.
        if made[-1].endswith(".lock") and {*map(str, _pins(folder / "requirements.txt"))} - {
            *map(str, _pins(folder / made[-1]))
        }:
            yield f"{made[-1]} lacks pins of requirements.txt"
    for lock in folder.glob("*.lock"):
        for entry in re.split(r"\n(?=\w)", lock.read_text())[1:]:
            if not HASH.search(entry):
                yield f"{lock.name}: no hash for {entry.split()[0]}"


def _written(file: Path) -> Iterator[Requirement]:
    for line in file.read_text().splitlines():
        if line.startswith("-r "):
            yield from _written(file.with_name(line[3:]))
        elif line and not line.startswith("#"):
            yield Requirement(line)


def _pins(file: Path) -> list[Requirement]:
    lines = re.findall(r"^[\w.-]+==[^\\\n#]+", file.read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


def _counts(requirement: Requirement, extras: frozenset[str] = frozenset()) -> bool:
    marker = requirement.marker
    return not marker or any(marker.evaluate({"extra": each}) for each in extras | {""})


def _closure(requirements: Iterator[Requirement]) -> Iterator[tuple[str, str]]:
    """Yield the names and versions of packages and of all that they need: those of the pins, or
    those that are installed here."""
    seen: set[tuple[str, frozenset[str]]] = set()
    left = [(each, True) for each in requirements]
    while left:
        each, is_written = left.pop()
        name, extras = re.sub(r"[-_.]+", "-", each.name).lower(), frozenset(each.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            yield name, "missing here"
            continue
        yield name, str(each.specifier) if is_written else f"=={package.version}"
        needs = map(Requirement, package.requires or ())
        left += [(need, False) for need in needs if _counts(need, extras)]


def test_the_locks_are_current() -> None:
    assert list(problems(BASE_DIR)) == [], "run `make lock`"


def test_the_docs_say_what_each_package_is_for() -> None:
    table = (BASE_DIR / "docs/packages.md").read_text().partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    assert sorted(named) == sorted({pin.name for pin in _pins(BASE_DIR / "requirements.txt")})


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("requirements.in", r"gunicorn==.+", "gunicorn==1.0", r"gunicorn ==.+, not ==1\.0"),
        ("requirements.in", r"whitenoise==.+\n", "", r"whitenoise ==.+, not None"),
        ("requirements.txt", r"thrift==.+", "thrift==0.1", "lacks pins of requirements.txt"),
        ("requirements.txt", r"pandas==", "# pandas==", r"requirements.txt: pandas None, not =="),
        ("requirements.lock", r"six==\S+", "six==1.0", r"six ==1\.0, not =="),
        ("requirements-dev.lock", "--hash=sha256", "--hash=md5", "no hash for asgiref"),
    ],
)
def test_a_planted_fault_is_found(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    for path in BASE_DIR.glob("requirements*"):
        shutil.copy(path, tmp_path)
    text = (tmp_path / file).read_text()
    assert re.search(old, text)
    (tmp_path / file).write_text(re.sub(old, new, text))
    found = list(problems(tmp_path))
    assert any(re.search(said, problem) for problem in found), found
