"""The docs name every setting, command and URL that exists, and no other.

``problems`` reads a checkout without running it, so each fault can be planted in a copy.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from .conftest import BASE_DIR

# The folders that the docs describe, and the docs.
SOURCES = ("crm", "edip", "local_warehouse", "templates", "tests", "docs", "bench", "resources")
FILES = ("gunicorn.conf.py", "manage.py", ".env.example", "Makefile", "app.yaml", "databricks.yml")
COMMANDS = "crm/management/commands"
# Django's own, set by us.
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "DJANGO_RUNSERVER_HIDE_WARNING"}
SETTING = re.compile(r"\b(?:EDIP|DATABRICKS|DJANGO)_[A-Z][A-Z_]*\b")
IN_FILE = re.compile(r"(?<!DATABRICKS_CONFIG)_FILE$")  # NAME_FILE is the setting NAME
BUILT_IN_COMMANDS = {"check", "runserver"}
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def problems(root: Path) -> Iterator[str]:
    """Yield what is missing in the docs of a checkout, or documented and gone."""
    docs = {path: path.read_text() for path in documents(root)}
    yield from setting_problems(root, docs)
    yield from command_problems(root, docs)
    yield from url_problems(root)
    yield from path_problems(root, docs)
    for path, text in docs.items():
        yield from link_problems(root, path, text)


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def documents(root: Path) -> list[Path]:
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


# --- settings ---
def settings_read(root: Path) -> set[str]:
    """The environment variables that the app, gunicorn's settings or the Makefile read."""
    files = [*(root / "edip").rglob("*.py"), *(root / "crm").rglob("*.py")]
    files += [root / "gunicorn.conf.py", root / "manage.py"]
    found = set(re.findall(r"^([A-Z]+) \?=", (root / "Makefile").read_text(), re.MULTILINE))
    texts = (file.read_text() for file in files)
    return found.union(*map(_settings_of, texts)) - NOT_OURS - {"PYTHON"}


@cache
def _settings_of(source: str) -> frozenset[str]:
    """The environment variables that a module reads."""
    names = (name for node in ast.walk(parsed(source)) for name in _environment(node))
    return frozenset(IN_FILE.sub("", name) for name in names)


def _environment(node: ast.AST) -> Iterator[str]:
    """The name in ``os.environ.get("X")``, ``os.environ["X"]`` and ``"X" in os.environ``, and a
    text that is the name of a setting."""
    match node:
        case ast.Constant(value=str(name)) if SETTING.fullmatch(name):
            yield name
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]):
            reads = ("os.environ.get", "os.getenv")
            yield from [name] if ast.unparse(func) in reads else []
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
            yield from [name] if ast.unparse(value) == "os.environ" else []
        case ast.Compare(left=ast.Constant(value=str(name)), comparators=[value]):
            yield from [name] if ast.unparse(value) == "os.environ" else []


def setting_problems(root: Path, docs: dict[Path, str]) -> Iterator[str]:
    read = settings_read(root)
    documented = {
        name
        for row in table(docs[root / "docs" / "settings.md"], "variable")
        for name in re.findall(r"`([A-Z_]+)`", row[0])
    }
    yield from (f"setting {name} is not in docs/settings.md" for name in read - documented)
    yield from (f"setting {name} is documented and gone" for name in documented - read)
    examples = set(SETTING.findall((root / ".env.example").read_text()))
    examples = {IN_FILE.sub("", name) for name in examples}
    yield from (f"setting {name} is in .env.example and gone" for name in examples - read)
    for path, text in docs.items():
        named = {IN_FILE.sub("", name) for name in SETTING.findall(text)}
        for name in named - read - documented - NOT_OURS:
            yield f"{path.name}: there is no setting {name}"


# --- commands ---
def command_problems(root: Path, docs: dict[Path, str]) -> Iterator[str]:
    files = (root / COMMANDS).glob("[!_]*.py")
    commands = {file.stem: file.read_text() for file in files}
    documented = {row[0].strip("`") for row in table(docs[root / "docs/settings.md"], "command")}
    for name in commands.keys() - documented:
        yield f"command {name} is not in docs/settings.md"
    for name in documented - commands.keys():
        yield f"command {name} is documented and gone"
    shared = "".join(file.read_text() for file in (root / COMMANDS).glob("_*.py"))
    for path, text in docs.items():
        for name, rest in re.findall(r"manage\.py ([a-z_]+)([^\n`#|]*)", text):
            if name not in commands and name not in BUILT_IN_COMMANDS:
                yield f"{path.name}: there is no command {name}"
            for option in re.findall(r"--[a-z][a-z-]*", rest):
                if f'"{option}"' not in commands.get(name, "") + shared:
                    yield f"{path.name}: {name} has no option {option}"
        targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
        for target in re.findall(r"(?:`|^)(?:\w+=\S+ )?make ([a-z-]+)", text, re.MULTILINE):
            if target not in targets:
                yield f"{path.name}: there is no target {target} of make"


# --- URLs ---
def urls(root: Path) -> dict[str, str]:
    """The paths of crm/urls.py, as the docs write them, and their views: ``accounts.edit``."""
    found = {}
    for node in ast.walk(parsed((root / "crm" / "urls.py").read_text())):
        match node:
            case ast.Call(
                func=ast.Name(id="path"), args=[ast.Constant(value=route), ast.Attribute() as view]
            ):
                found["/" + re.sub(r"<\w+:", "<", str(route))] = ast.unparse(view)
    return found


def url_problems(root: Path) -> Iterator[str]:
    rows = {
        row[0].strip("`"): [cell.strip("`") for cell in row[1:]]
        for row in table((root / "docs" / "architecture.md").read_text(), "URL")
    }
    known = urls(root)
    yield from (f"URL {url} is not in docs/architecture.md" for url in known.keys() - rows.keys())
    yield from (f"URL {url} is documented and gone" for url in rows.keys() - known.keys())
    for url in known.keys() & rows.keys():
        view, form, template, function, test = rows[url]
        if view != known[url]:
            yield f"URL {url}: its view is {known[url]}, not {view}"
        for package, name in (("views", view), ("forms", form), ("repository", function)):
            if name != "–" and not is_defined(root / "crm" / package, name):
                yield f"URL {url}: there is no crm.{package}.{name}"
        if template != "–" and not (root / "templates" / template).is_file():
            yield f"URL {url}: there is no template {template}"
        last = [part for part in url.split("/") if part and "<" not in part][-1:]
        file = root / "tests" / test
        if not file.is_file() or not all(part in file.read_text() for part in last):
            yield f"URL {url}: it is not tested in tests/{test}"


def is_defined(package: Path, name: str) -> bool:
    """Whether ``folder.module.name`` is a function or class of the package; nothing is imported."""
    *path, wanted = name.split(".")
    place = package.joinpath(*path)
    files = (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.is_file())
    body = [node for file in files for node in parsed(file.read_text()).body]
    kinds = ast.FunctionDef | ast.ClassDef
    return any(isinstance(node, kinds) and node.name == wanted for node in body)


# --- paths and links ---
def path_problems(root: Path, docs: dict[Path, str]) -> Iterator[str]:
    """Yield files and folders that the docs name and do not exist, and packages that no doc names."""
    named = set()
    for path, text in docs.items():
        for name in re.findall(r"`((?:crm|edip|local_warehouse|tests|bench)/[\w./-]*)`", text):
            named.add(name.rstrip("/"))
            if not (root / name).exists():
                yield f"{path.name}: there is no {name}"
    for package in ("crm", "crm/repository", "local_warehouse"):
        for folder in (root / package).glob("*/"):
            name = f"{package}/{folder.name}"
            is_named = any(each == name or each.startswith(f"{name}/") for each in named)
            if any(folder.glob("*.py")) and not is_named:
                yield f"docs/architecture.md does not name {name}/"


def link_problems(root: Path, path: Path, text: str) -> Iterator[str]:
    """Yield relative links whose file or heading does not exist."""
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            yield f"{path.name}: the link to {target} is broken"
        elif anchor and anchor not in anchors(file.read_text()):
            yield f"{path.name}: {name} has no heading #{anchor}"


def anchors(text: str) -> set[str]:
    """The headings, as links name them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(text: str, heading: str) -> list[list[str]]:
    """The rows of the Markdown table whose first column has this heading."""
    found = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n?)+)", text, re.MULTILINE)
    assert found, f"no table of {heading}"
    rows = found[1].strip().splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_docs_are_complete_and_true() -> None:
    assert sorted(set(problems(BASE_DIR))) == []


def test_the_docs_are_short() -> None:
    assert len((BASE_DIR / "README.md").read_text().splitlines()) <= 100
    assert len(table((BASE_DIR / "docs" / "architecture.md").read_text(), "word")) <= 30
    for file in (BASE_DIR / "docs" / "decisions").glob("*.md"):
        assert len(file.read_text().splitlines()) <= 40, file.name
    for picture in (BASE_DIR / "static" / "guide").glob("*.png"):
        assert picture.stat().st_size < 200_000, picture.name


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, in which faults are planted."""
    folder = tmp_path_factory.mktemp("docs")
    without = shutil.ignore_patterns("__pycache__", "files", "expected")
    for name in SOURCES:
        shutil.copytree(BASE_DIR / name, folder / name, ignore=without)
    for file in (*BASE_DIR.glob("*.md"), BASE_DIR / "LICENSE", *(BASE_DIR / n for n in FILES)):
        shutil.copy(file, folder)
    return folder


SETTINGS_PY, URLS_PY = "edip/settings.py", "crm/urls.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        # Missing in the docs.
        (SETTINGS_PY, "DEBUG =", 'NEW = env.str("EDIP_NEW")\nDEBUG =',
         "setting EDIP_NEW is not in docs/settings.md"),
        ("crm/warehouse/config.py", '"EDIP_POOL_SIZE"', '"EDIP_POOL_MOST"',
         "setting EDIP_POOL_MOST is not in docs/settings.md"),
        ("gunicorn.conf.py", "import tempfile", 'import tempfile\n\nX = os.environ["THREADS"]',
         "setting THREADS is not in docs/settings.md"),
        (f"{COMMANDS}/new.py", "", "pass", "command new is not in docs/settings.md"),
        (URLS_PY, "urlpatterns = [", 'urlpatterns = [path("new/<int:id>/", overview.overview),',
         "URL /new/<id>/ is not in docs/architecture.md"),
        ("crm/new/__init__.py", "", "pass", "architecture.md does not name crm/new/"),
        ("crm/repository/new/__init__.py", "", "pass", "does not name crm/repository/new/"),
        # Documented and gone.
        (SETTINGS_PY, 'env.bool("DJANGO_DEBUG", False)', "False",
         "setting DJANGO_DEBUG is documented and gone"),
        (SETTINGS_PY, 'env.bool("DJANGO_DEBUG", False)', "False",
         "setting DJANGO_DEBUG is in .env.example and gone"),
        ("docs/sign-in.md", "`EDIP_ADMINS`", "`EDIP_ROOTS`", "there is no setting EDIP_ROOTS"),
        ("docs/settings.md", "| `restore` |", "| `rewind` |", "rewind is documented and gone"),
        ("docs/backup.md", "manage.py backup --list", "manage.py backups --list",
         "backup.md: there is no command backups"),
        ("docs/backup.md", "manage.py backup --list", "manage.py backup --all",
         "backup.md: backup has no option --all"),
        ("CONTRIBUTING.md", "make lint ", "make tidy ", "there is no target tidy of make"),
        (URLS_PY, 'path("activity/"', 'path("changes/"', "URL /activity/ is documented and gone"),
        # Not true.
        (URLS_PY, "overview.overview", "overview.start", "its view is overview.start"),
        ("crm/views/overview.py", "def overview(", "def start(",
         "there is no crm.views.overview.overview"),
        ("crm/forms/records.py", "class UpdateForm(", "class NoteForm(",
         "there is no crm.forms.records.UpdateForm"),
        ("crm/repository/records/updates.py", "def search(", "def find(",
         "there is no crm.repository.records.updates.search"),
        ("docs/architecture.md", "`overview/overview.html`", "`overview/page.html`",
         "there is no template overview/page.html"),
        ("docs/architecture.md", "pages/test_preferences.py", "pages/test_health.py",
         "URL /preferences/theme/: it is not tested in tests/pages/test_health.py"),
        ("docs/history.md", "crm/forms/records.py", "crm/forms/merging.py",
         "history.md: there is no crm/forms/merging.py"),
        ("README.md", "(docs/backup.md)", "(docs/backups.md)",
         "README.md: the link to docs/backups.md is broken"),
        ("docs/settings.md", "#checking-the-data", "#checks",
         "settings.md: import-export.md has no heading #checks"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found(copy: Path, file: str, old: str, new: str, problem: str) -> None:
    path = copy / file
    before = path.read_text() if path.exists() else None
    assert before is None or old in before
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(new if before is None else before.replace(old, new))
        found = list(problems(copy))
    finally:
        path.unlink() if before is None else path.write_text(before)
    assert any(problem in each for each in found), found
