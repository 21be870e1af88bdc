"""Every URL of the product. Paths are a contract: people bookmark and share them."""

from __future__ import annotations

from django.urls import path

from crm.views import (
    accounts,
    admin_tools,
    as_of,
    health,
    history,
    live,
    overview,
    platforms,
    preferences,
    putting_back,
    since,
    updates,
    use_cases,
)

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("accounts/", accounts.account_list, name="account-list"),
    path("accounts/new/", accounts.account_create, name="account-create"),
    path("accounts/<str:bsnid>/", accounts.account_detail, name="account-detail"),
    path("accounts/<str:bsnid>/edit/", accounts.account_edit, name="account-edit"),
    path("accounts/<str:bsnid>/delete/", accounts.account_delete, name="account-delete"),
    path("accounts/<str:bsnid>/platforms/", platforms.platform_status, name="platform-status"),
    path("accounts/<str:bsnid>/use-cases/new/", use_cases.use_case_create, name="use-case-create"),
    path("accounts/<str:bsnid>/updates/new/", updates.update_create, name="update-create"),
    path("use-cases/", use_cases.use_case_list, name="use-case-list"),
    path("use-cases/<str:id>/edit/", use_cases.use_case_edit, name="use-case-edit"),
    path("use-cases/<str:id>/delete/", use_cases.use_case_delete, name="use-case-delete"),
    path("updates/", updates.update_list, name="update-list"),
    path("updates/<str:id>/edit/", updates.update_edit, name="update-edit"),
    path("updates/<str:id>/delete/", updates.update_delete, name="update-delete"),
    path("admin-tools/", admin_tools.status, name="admin-tools"),
    path("accounts/<str:bsnid>/history/", history.account_history, name="account-history"),
    path("accounts/<str:bsnid>/since/", since.account_since, name="account-since"),
    path("since/", since.since, name="since"),
    path("live/", live.changes, name="live"),
    path("activity/", history.activity, name="activity"),
    path("activity/reach/", history.reach, name="history-reach"),
    path("put-back/<str:table>/<str:key>/<int:version>/", putting_back.put_back, name="put-back"),
    path("undo/<str:table>/<str:key>/", putting_back.undo, name="undo"),
    path("as-of/", as_of.choose, name="as-of"),
    path("preferences/theme/", preferences.theme, name="theme"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
