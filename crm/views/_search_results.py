"""The results of the search as groups of links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from crm.fragments import plain_day
from crm.model.schema import ACCOUNTS, AREA, UPDATES, USE_CASES
from crm.page_urls import name_url, page_url, record_url
from crm.repository.records.search import PERSON, Found, Hit
from crm.repository.records.search_words import SearchWords, fold
from crm.request import Request

from ._wording import counted
from .updates import UPDATE
from .use_cases import USE_CASE

Parts = list[tuple[str, bool]]
_LENGTH = 110


@dataclass(frozen=True)
class Result:
    """A link to a result; in its texts the words of the search are marked."""

    url: str
    name: Parts
    more: Parts
    key: Parts | None = None
    aside: str = ""


@dataclass(frozen=True)
class Group:
    """Results of one kind. ``all_url`` is the URL of the list with all of them."""

    label: str
    results: list[Result]
    all_url: str = ""
    all_text: str = ""


@dataclass(frozen=True)
class _Page:
    """A page of the app; ``also`` has further words that find it."""

    name: str
    label: str
    also: str = ""
    needs: str = ""


_PAGES = (
    _Page("overview", "Overview", "start home figures"),
    _Page("attention", "Attention", "stale stuck todo"),
    _Page("trends", "Trends", "charts weeks growth"),
    _Page("account-list", "Accounts", "teams"),
    _Page("use-case-list", "Use cases"),
    _Page("update-list", "Updates", "notes"),
    _Page("people", "People", "names persons"),
    _Page("areas", "Business areas", "departments"),
    _Page("activity", "Activity", "history changes log"),
    _Page("diff", "What changed since", "compare difference"),
    _Page("as-of", "As of a moment", "past time machine history"),
    _Page("me", "Mine: your names, and what you follow", "preferences settings following"),
    _Page("saved-views", "Saved views", "filters bookmarks", "email"),
    _Page("digest", "Digest", "mail weekly daily", "email"),
    _Page("report", "Report", "week status print paper"),
    _Page("similar-teams", "Similar teams", "duplicates merge"),
    _Page("help", "Help", "keys shortcuts"),
    _Page("guide", "Guide", "manual how to"),
    _Page("account-create", "New account", "add create team", "may_write"),
    _Page("import", "Import", "upload file csv excel", "is_admin"),
    _Page("export", "Export", "download backup all data", "is_admin"),
    _Page("integrity", "Integrity", "checks duplicates repair", "is_admin"),
    _Page("admin-tools", "Admin tools: system status", "connection health", "is_admin"),
    _Page("set-up", "Set up the tables", "install grants", "is_admin"),
)


def groups(
    request: Request, words: SearchWords, q: str, found: Mapping[str, Found]
) -> list[Group]:
    """Return the results; the kind whose names match best comes first."""

    def of(kind: str) -> Found:
        return found.get(kind, Found())

    named = [
        (of(ACCOUNTS.name).place, _accounts(words, q, of(ACCOUNTS.name))),
        (of(PERSON).place, _people(words, q, of(PERSON))),
        (of(AREA).place, _areas(words, q, of(AREA))),
    ]
    named.sort(key=lambda each: each[0])
    texts = [
        _use_cases(words, q, of(USE_CASES.name)),
        _updates(words, q, of(UPDATES.name)),
    ]
    pages, other_pages = _pages(request, words, q)
    kinds = [pages, *(group for _, group in named), *texts, other_pages]
    return [group for group in kinds if group.results or group.all_url]


def opened(hits: tuple[Hit, ...]) -> list[Group]:
    """Return the accounts that the person opened lately."""
    results = [_account(SearchWords(), hit) for hit in hits]
    return [Group("Opened lately", results)] if results else []


def _accounts(words: SearchWords, q: str, found: Found) -> Group:
    results = [_account(words, hit) for hit in found.hits]
    return _group("Accounts", results, "account-list", q, found, "account")


def _account(words: SearchWords, hit: Hit) -> Result:
    url = record_url("account-detail", hit.key) or _all("account-list", hit.key)
    return Result(url, words.mark(hit.name or hit.key), words.mark(hit.more), words.mark(hit.key))


def _use_cases(words: SearchWords, q: str, found: Found) -> Group:
    results = [
        Result(
            USE_CASE.page_of(hit.bsnid, hit.key),
            words.mark(words.excerpt(hit.name, _LENGTH)),
            _more(words, hit, hit.who, hit.more),
        )
        for hit in found.hits
    ]
    return _group("Use cases", results, "use-case-list", q, found, "use case")


def _updates(words: SearchWords, q: str, found: Found) -> Group:
    results = [
        Result(
            UPDATE.page_of(hit.bsnid, hit.key),
            words.mark(words.excerpt(hit.name, _LENGTH)),
            _more(words, hit, _day(hit), hit.who, hit.more),
        )
        for hit in found.hits
    ]
    if found.since:
        since = plain_day(found.since)
        text = "Search all updates in the list"
        return Group(f"Updates since {since}", results, _all("update-list", q), text)
    return _group("Updates", results, "update-list", q, found, "update")


def _more(words: SearchWords, hit: Hit, *shown: str) -> Parts:
    """Return the usual texts of a hit, and a further text if it has a word that these lack."""
    unseen = words.unseen(" ".join((hit.name, *shown)), hit.hidden)
    found = [words.excerpt(text, _LENGTH) for text in unseen]
    return words.mark(" · ".join(filter(None, (*shown, *found))))


def _day(hit: Hit) -> str:
    return plain_day(hit.day) if hit.day else ""


def _people(words: SearchWords, q: str, found: Found) -> Group:
    results = [_named(words, "person", hit) for hit in found.hits]
    return _group("People", results, "people", q, found, "person", "people")


def _areas(words: SearchWords, q: str, found: Found) -> Group:
    results = [_named(words, "area", hit) for hit in found.hits]
    return _group("Business areas", results, "areas", q, found, "area")


def _named(words: SearchWords, page: str, hit: Hit) -> Result:
    aside = counted(hit.n, "record")
    return Result(name_url(page, hit.name), words.mark(hit.name), [], aside=aside)


def _pages(request: Request, words: SearchWords, q: str) -> tuple[Group, Group]:
    """Return the pages whose name begins with the search text, and the other matching pages."""
    is_past = request.as_of is not None
    found = [
        page
        for page in _PAGES
        if words.found_in(page.label, page.also)
        and not (page.needs and (is_past or not getattr(request.person, page.needs)))
    ]
    first = [page for page in found if fold(page.label).startswith(fold(q))]
    others = [page for page in found if page not in first]
    groups = (
        [
            Result(
                page_url(page.name),
                words.mark(page.label),
                words.mark(", ".join(words.unseen(page.label, page.also.split()))),
            )
            for page in pages
        ]
        for pages in (first, others)
    )
    return Group("Pages", next(groups)), Group("Pages", next(groups))


def _group(
    label: str,
    results: list[Result],
    page: str,
    q: str,
    found: Found,
    singular: str,
    plural: str = "",
) -> Group:
    if found.total <= len(results):
        return Group(label, results)
    number = counted(found.total, singular, plural)
    text = f"All {number}{' and more' if found.is_cut else ''} in the list"
    return Group(label, results, _all(page, q), text)


def _all(page: str, q: str) -> str:
    return f"{page_url(page)}?{urlencode({'q': q})}"
