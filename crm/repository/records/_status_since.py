"""The filter of use cases by when their status was set, which the change feed tells.

A use case's ``updated_at`` is that of its last change of any kind. If that is before a moment, its
status was set before it, too. If not, the feed tells: an image of the row from before the moment
shows that it existed then, and each image with another status than the one that it replaced, when
the status was set. Tables that were restored bring an earlier time back: images that are newer
than the row then count no more.
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

# By use case: an image's time from before the moment, if there is one, and the first time after
# it at which the status was set. Several rows of one key count as one. RESTORE replaces an image
# by an older one, which sets nothing.
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
    """Return what ``load`` reads with the source, to which the list of use cases has the filter.

    ``load`` also gets whether the feed tells all. If it does not, the filter leaves out use cases
    that were changed since the moment and of which nobody knows more. The filter costs one
    statement per table where Delta's history was not read for a minute. Raises WarehouseError.
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
    """Return the source with the feed since the moment, and whether the feed goes back to it."""
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
