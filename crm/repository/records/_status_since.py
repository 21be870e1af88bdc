"""The filter of use cases by when their status was set, from the change feed.

A use case's ``updated_at`` is the time of its last change of any kind. If that is before a moment,
so is the setting of its status. If not, the feed is needed: an image of the row from before the
moment shows that it existed then, and an image whose status differs from the image that it
replaced shows when the status was set. After a restore a row has an earlier time again; images
newer than the row then no longer count.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from crm.model.namespace import Namespace, PastNamespace
from crm.model.records import Listing
from crm.model.schema import USE_CASES
from crm.repository import _sql, versions
from crm.repository.tables import change_feed
from crm.repository.versions import Commit
from crm.warehouse import Warehouse
from crm.warehouse.errors import StatementFailed

from ._filters import Conditions, JointFilter
from ._list_query import ListSource
from ._platform_status import IN_STATUS_SINCE

Result = TypeVar("Result")

# By use case: the time of an image from before the moment, if there is one, and the first time
# after it at which the status was set. Duplicates count as one. An image that RESTORE brings back
# does not set a status.
_CHANGES = """
  LEFT JOIN (
    SELECT of_id, MIN(replaced_at) AS replaced_at,
      MIN(CASE WHEN written_at >= {limit} AND COALESCE(written_at > replaced_at, TRUE)
        AND NOT (status <=> replaced) THEN written_at END) AS set_at
    FROM (
      SELECT of_id, MAX(CASE WHEN is_old THEN updated_at END) AS replaced_at,
        MAX(CASE WHEN is_old THEN status END) AS replaced,
        MAX(CASE WHEN NOT is_old THEN updated_at END) AS written_at,
        MAX(CASE WHEN NOT is_old THEN status END) AS status
      FROM (
        SELECT id AS of_id, COALESCE(status, '') AS status, updated_at, _commit_version,
          _change_type IN ('update_preimage', 'delete') AS is_old
        FROM {feed}
      ) AS e
      GROUP BY of_id, _commit_version
    ) AS e
    GROUP BY of_id
  ) AS e ON e.of_id = f.id
"""
_UNCHANGED = "f.updated_at < {limit}"
_UNCHANGED_STATUS = """
  (f.updated_at < {limit}
    OR (e.replaced_at < {limit} AND COALESCE(e.set_at > f.updated_at, TRUE)))
"""


def read(
    wh: Warehouse,
    listing: Listing,
    source: ListSource,
    load: Callable[[ListSource, bool], Result],
) -> Result:
    """Add the filter to the source, and return the result of ``load`` for that source.

    ``load`` also gets whether the feed is complete. If it is not, the filter leaves out use cases
    that were changed since the moment and whose earlier status is unknown. The filter costs one
    statement per table if Delta's history was not read for a minute. Raises WarehouseError.
    """
    moment = listing.dates.get(IN_STATUS_SINCE)
    if source.table is not USE_CASES or not isinstance(moment, dt.datetime):
        return load(source, True)
    present = wh.at(wh.namespace.present)
    try:
        commits = versions.known(present).commits[USE_CASES]
        return change_feed.read(
            present,
            lambda starts: load(
                *_with_feed(wh, source, commits, starts[USE_CASES.name], moment),
            ),
        )
    except StatementFailed as error:
        if not error.is_refused_by_policy:
            raise
        return load(replace(source, joint=_without_feed), False)


def _with_feed(
    wh: Warehouse,
    source: ListSource,
    commits: tuple[Commit, ...],
    first: int,
    moment: dt.datetime,
) -> tuple[ListSource, bool]:
    """Return the source with the feed since the moment, and whether the feed goes back that
    far."""
    latest = commits[-1].version
    if isinstance(wh.namespace, PastNamespace):
        latest = dict(wh.namespace.versions)[USE_CASES.name]
    since = next((c.version for c in commits if c.moment >= moment), latest)
    start = max(first, min(since, latest))
    feed = change_feed.parts(wh, USE_CASES, start)["feed"]
    reaches_back = commits[0].version == 0 or commits[0].moment < moment
    return replace(source, joint=partial(_from_feed, feed)), reaches_back and first <= since


def _from_feed(feed: str, namespace: Namespace, conditions: Conditions) -> JointFilter:
    limit = conditions.limits[IN_STATUS_SINCE]
    return JointFilter(
        condition=_sql.fill(_UNCHANGED_STATUS, limit=limit),
        filter_join=_sql.fill(_CHANGES, limit=limit, feed=feed),
    )


def _without_feed(namespace: Namespace, conditions: Conditions) -> JointFilter:
    limit = conditions.limits[IN_STATUS_SINCE]
    return JointFilter(condition=_sql.fill(_UNCHANGED, limit=limit))
