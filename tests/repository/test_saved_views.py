"""Saved views in their tables: who sees which, what is first, and two changes at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm.repository.records import saved_views
from crm.repository.records.saved_views import SavedView, ViewChanged
from crm.warehouse import Warehouse

from ..conftest import LocalWarehouse

ANA, BO = "ana@example.com", "bo@example.com"


def test_a_view_from_its_first_day_to_its_last(
    warehouse: Warehouse, server: LocalWarehouse
) -> None:
    own = SavedView("1", ANA, "accounts", "Mine", "mine=on")
    shared = SavedView("2", BO, "updates", "all of Bo", "q=%C3%A4", is_shared=True)
    for view in (own, shared, own, SavedView("3", BO, "accounts", "Only Bo's")):
        saved_views.create(warehouse, view)
    assert [view.name for view in saved_views.find(warehouse, ANA)] == ["all of Bo", "Mine"]
    assert saved_views.defaults(warehouse, ANA) == {}

    for id in ("1", "3", "2"):
        saved_views.set_default(warehouse, ANA, "accounts" if id != "2" else "updates", id)
    # Ana may not see the third, so nothing is first in that list.
    assert saved_views.defaults(warehouse, ANA) == {"updates": "2"}
    assert [view.is_default for view in saved_views.find(warehouse, ANA)] == [True, False]
    assert saved_views.defaults(warehouse, BO) == {}

    found = saved_views.get(warehouse, "2")
    assert found is not None
    assert replace(found, updated_at=None, updated_by="") == shared
    seen = found.updated_at
    server.fault("drop_after", match=r"^\s*UPDATE")
    saved_views.update(warehouse, replace(found, name="New"), BO, seen)
    with pytest.raises(ViewChanged) as caught:
        saved_views.update(warehouse, replace(found, query="q=b"), ANA, seen)
    assert caught.value.current is not None
    assert (caught.value.current.name, caught.value.current.updated_by) == ("New", BO)
    saved_views.delete(warehouse, "2")
    with pytest.raises(ViewChanged) as caught:
        saved_views.update(warehouse, found, ANA, seen)
    assert caught.value.current is None
    assert saved_views.defaults(warehouse, ANA) == {}
