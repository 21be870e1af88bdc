"""The search over everything: a page, and the options of the dialog on every page."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from crm.repository.records import search as repository
from crm.repository.records.search_words import SEARCH_LENGTH, SearchWords
from crm.request import Request

from . import _list_state, _opened, _respond, _search_results


@require_safe
def search(request: Request) -> HttpResponse:
    """Show the page; to htmx the options. Without a search text: the accounts opened lately."""
    q = _list_state.plain(request.GET.get("q", ""))
    words, recent = SearchWords.of(q), _opened.read(request)
    if words.words:
        found = repository.find(request.warehouse, words, recent)
        groups = _search_results.groups(request, words, q, found)
    else:
        groups = _search_results.opened(repository.opened(request.warehouse, recent))
    context = {
        "q": q,
        "groups": groups,
        "is_one_word": len(words.words) == 1,
        "count": sum(len(group.results) for group in groups),
        "longest": SEARCH_LENGTH,
    }
    return _respond.show(request, "search/search.html", "search/_options.html", context)
