"""The reads of crm/repository/records with Django's ORM, as a Django project would write them.

Each function has the arguments and the result of the one that it stands for; the warehouse is not
used. Related rows are joined or fetched for all rows of a page at once; there is no query per row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Lower

from crm.model import vocabulary
from crm.model.records import (
    Account,
    AccountDetail,
    AccountRow,
    Facet,
    FacetPage,
    Listing,
    Overview,
    Page,
    PlatformStatus,
    Update,
    UseCase,
)
from crm.repository.records import attention, overview
from crm.repository.records.attention import Limits

from .models import Accounts, PlatformsStatus, Updates, UseCases, record

Rows = QuerySet[Any]
_NOT_TEXT = ("date", "updated_at", "last_update", "use_cases")
_SEARCHED = ("bsnid", "team", "business_area", "vp", "admin", "primary_it_partner")
_OF_ACCOUNT = {"business_area": "account__business_area", "team": "account__team"}
_BY_STATUS = {"platform": "platforms_status__platform", "status": "platforms_status__status"}


def search_accounts(wh: object, listing: Listing) -> Page[AccountRow]:
    every = _searched(Accounts.objects.all(), listing.q, _SEARCHED)
    found = _filtered_accounts(every, listing)
    listing, total = _within(found, listing)
    rows = (
        found.annotate(
            use_case_count=_of_account(UseCases, Count("*")),
            update_count=_of_account(Updates, Count("*")),
            last_update=_of_account(Updates, Max("date")),
        )
        .order_by(*_order(listing, {"use_cases": "use_case_count"}), "bsnid")
        .prefetch_related("platforms_status")
    )
    return Page(tuple(map(_account_row, _cut(rows, listing))), total, listing)


def account_facet(wh: object, listing: Listing, name: str, find: str, most: int) -> FacetPage:
    """Return the most frequent values of one column; ``find`` is not supported."""
    every = _searched(Accounts.objects.all(), listing.q, _SEARCHED)
    rows = _filtered_accounts(every, listing, without=name)
    facets = _facet(rows, _BY_STATUS.get(name, name), Count("bsnid", distinct=True))
    total = _filtered_accounts(every, listing).count()
    return FacetPage(facets[:most], len(facets), max(0, len(facets) - most), total)


def _account_row(row: Any) -> AccountRow:
    return AccountRow(
        account=record(Account, row),
        statuses={each.platform: each.status for each in row.platforms_status.all()},
        use_case_count=row.use_case_count or 0,
        update_count=row.update_count or 0,
        last_update=row.last_update,
    )


def _of_account(model: Any, figure: Any) -> Subquery:
    of = model.objects.filter(account=OuterRef("pk")).order_by().values("account")
    return Subquery(of.annotate(figure=figure).values("figure"))


def _filtered_accounts(rows: Rows, listing: Listing, without: str = "") -> Rows:
    """Platform and status are conditions on one row of platforms_status."""
    joint = {
        f"{name}__in": listing.filters[name]
        for name in _BY_STATUS
        if listing.filters.get(name) and name != without
    }
    if joint and without in _BY_STATUS:
        # The facet joins the same rows, so the other filter is a condition on them.
        rows = rows.filter(**{f"platforms_status__{name}": each for name, each in joint.items()})
    elif joint:
        statuses = PlatformsStatus.objects.filter(**joint)
        rows = rows.filter(pk__in=statuses.values("account"))
    plain = {n: v for n, v in listing.filters.items() if n not in _BY_STATUS and n != without}
    return rows.filter(**{f"{name}__in": values for name, values in plain.items() if values})


def search_use_cases(wh: object, listing: Listing) -> Page[UseCase]:
    own = ("problem", "solution", "leader", "platform", "status")
    searched = (*own, "account__team", "account__bsnid")
    return _search_children(UseCases, UseCase, searched, listing)


def search_updates(wh: object, listing: Listing) -> Page[Update]:
    searched = ("description", "author", "account__team", "account__bsnid", "platform")
    return _search_children(Updates, Update, searched, listing)


def _search_children(
    model: Any, kind: Any, searched: Iterable[str], listing: Listing
) -> Page[Any]:
    every = _searched(model.objects.all(), listing.q, searched)
    found = _filtered_children(every, listing.filters)
    listing, total = _within(found, listing)
    created = [F("created_at").desc()] if "date" in listing.sort else []
    rows = found.select_related("account").order_by(*_order(listing, _OF_ACCOUNT), *created, "id")
    records = (record(kind, row, team=row.account.team) for row in _cut(rows, listing))
    return Page(tuple(records), total, listing)


def _searched(rows: Rows, q: str, names: Iterable[str]) -> Rows:
    condition = Q()
    for name in names if q else ():
        condition |= Q(**{f"{name}__icontains": q})
    return rows.filter(condition)


def _filtered_children(rows: Rows, filters: Mapping[str, tuple[str, ...]]) -> Rows:
    return rows.filter(**{f"{_OF_ACCOUNT.get(n, n)}__in": v for n, v in filters.items() if v})


def _within(rows: Rows, listing: Listing) -> tuple[Listing, int]:
    """Return the listing with a page that exists, and the number of rows. One query."""
    total = rows.count()
    return replace(listing, page=min(listing.page, max(1, -(-total // listing.size)))), total


def _cut(rows: Rows, listing: Listing) -> Rows:
    start = (listing.page - 1) * listing.size
    return rows[start : start + listing.size]


def _order(listing: Listing, names: Mapping[str, str]) -> list[Any]:
    name = listing.sort.removeprefix("-")
    field = names.get(name, name)
    key = F(field) if name in _NOT_TEXT else Lower(field)
    # The indexes have the order that PostgreSQL has without this.
    last = {} if name in ("date", "updated_at", "team") else {"nulls_last": True}
    return [key.desc(**last) if listing.sort.startswith("-") else key.asc(**last)]


def _facet(rows: Rows, name: str, count: Any) -> tuple[Facet, ...]:
    counts = rows.order_by().values_list(name).annotate(n=count)
    found = (Facet(value or "", n) for value, n in counts if value is not None or n)
    return tuple(sorted(found, key=lambda facet: (-facet.count, facet.value.lower())))


def get_account(wh: object, bsnid: str) -> Account | None:
    row = Accounts.objects.filter(pk=bsnid).first()
    return record(Account, row) if row else None


def get_detail(wh: object, bsnid: str, person: str = "") -> AccountDetail | None:
    """Return the account with its children; nobody follows accounts here."""
    row = Accounts.objects.filter(pk=bsnid).first()
    if row is None:
        return None
    recent = row.updates.order_by(F("date").desc(), F("created_at").desc(), "id")
    return AccountDetail(
        account=record(Account, row),
        platforms=tuple(record(PlatformStatus, each) for each in row.platforms_status.all()),
        use_cases=tuple(record(UseCase, each, team=row.team) for each in row.use_cases.all()),
        updates=tuple(record(Update, each, team=row.team) for each in recent),
    )


def load_overview(wh: object, limits: Limits) -> Overview:
    areas = _facet(Accounts.objects.all(), "business_area", Count("*"))
    pipeline = {f.value: f.count for f in _facet(UseCases.objects.all(), "status", Count("*"))}
    tiers = _facet(UseCases.objects.all(), "enablement_tier", Count("*"))
    adoption: dict[str, dict[str, int]] = {}
    statuses = PlatformsStatus.objects.values_list("platform", Coalesce("status", "platform"))
    for platform, status, n in statuses.annotate(n=Count("*")).order_by("platform"):
        adoption.setdefault(platform, {})[status] = n
    since = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=30)
    order = F("date").desc(), F("created_at").desc(), "id"
    latest = Updates.objects.select_related("account").order_by(*order)
    return Overview(
        accounts=sum(facet.count for facet in areas),
        use_cases=sum(pipeline.values()),
        active_use_cases=sum(pipeline.get(status, 0) for status in overview.ACTIVE),
        updates_30_days=Updates.objects.filter(date__gt=since).count(),
        adoption=adoption,
        pipeline=pipeline,
        tiers={facet.value: facet.count for facet in tiers},
        areas=areas,
        attention=_attention(limits),
        updates=tuple(
            record(Update, row, team=row.account.team) for row in latest[: overview.LATEST_UPDATES]
        ),
    )


def _attention(limits: Limits) -> dict[str, int]:
    """Count what needs attention; no use case of the data has a reason for its status."""
    latest = Accounts.objects.annotate(latest=Max("updates__date"))
    counts = {
        attention.NEVER: latest.filter(latest=None).count(),
        attention.STALE: latest.filter(latest__lt=limits.stale_before).count(),
        attention.NO_PARTNER: Accounts.objects.filter(
            Q(primary_it_partner=None) | Q(primary_it_partner="")
        ).count(),
        attention.FUTURE: Updates.objects.filter(date__gte=limits.tomorrow).count(),
        attention.ON_HOLD: UseCases.objects.filter(status=vocabulary.ON_HOLD).count(),
    }
    for status, before in limits.status_before.items():
        stuck = PlatformsStatus.objects.filter(status=status, updated_at__lt=before)
        counts[f"{attention.STUCK}{status}"] = stuck.values("account").distinct().count()
    return {kind: n for kind, n in counts.items() if n or kind == attention.ON_HOLD}
