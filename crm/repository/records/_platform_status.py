"""The current status of each account on each platform, and the filters of accounts by them.

The filters are conditions on one row of platforms_status: the same row must be Databricks *and*
Completed. A platform alone finds accounts that have a row for it. The status Not Started also
finds accounts without a row for a platform that others use, as on the overview.

The row's ``updated_at`` says since when the status has been set, because people, imports and
reverts change no other column of the row. A row that an import inserts from an export keeps its
time. It is unknown since when an account has had no row, so no date filter finds such accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crm.model.namespace import Namespace
from crm.model.vocabulary import NOT_STARTED
from crm.repository import _sql
from crm.repository._sql import Row

from ._filters import Conditions, JointFilter

# ``recorded_status`` has the newest of an account's rows for a platform, since keys are not
# enforced. An account without a row for a platform that others use counts as Not Started there.
STATUSES = """(
  SELECT
    account_bsnid,
    platform,
    COALESCE(
      NULLIF(MAX_BY(status, COALESCE(updated_at, TIMESTAMP '1970-01-01 00:00:00')), ''),
      CAST(:not_started AS STRING)
    ) AS status,
    MAX(updated_at) AS since
  FROM {platforms_status}
  WHERE platform <> ''
  GROUP BY account_bsnid, platform
)"""
RECORDED_STATUS = f"recorded_status AS {STATUSES}"
PARAMS = {"not_started": NOT_STARTED}
# The date filter for statuses set before a moment.
IN_STATUS_SINCE = "in-status-since"

# The separator of words in one text. LISTAGG is far faster than arrays.
# https://docs.databricks.com/aws/en/sql/language-manual/functions/listagg
_BETWEEN = "\x1f"
_BETWEEN_LISTS = "\x1e"
_LISTS = f"'{_BETWEEN_LISTS}'"
# By account: the number of platforms with a row, the number of rows that pass both filters, and
# the words that pass the other filter.
_OF_ACCOUNT = """
  LEFT JOIN (
    SELECT account_bsnid, {columns} FROM recorded_status GROUP BY account_bsnid
  ) AS m ON m.account_bsnid = bsnid
"""
_USED = "(SELECT COUNT(DISTINCT platform) FROM {platforms_status} WHERE platform <> '' AND {of})"
_MORE = (
    ", (SELECT COLLECT_SET(platform) FROM {platforms_status} WHERE platform <> '') AS platforms"
)


def platform_and_status(namespace: Namespace, conditions: Conditions) -> JointFilter:
    of_platform = conditions.is_one_of("platform") or "TRUE"
    of_status = conditions.is_one_of("status") or "TRUE"
    finds_absent = NOT_STARTED in conditions.values.get("status", ())
    limit = conditions.limits.get(IN_STATUS_SINCE)
    if limit:
        finds_absent = False
        of_platform = f"({of_platform} AND since < {limit})"
        of_status = f"({of_status} AND since < {limit})"
    matching = f"COUNT_IF({of_platform} AND {of_status}) AS matching_rows"
    present = f"COUNT_IF({of_platform}) AS present_rows"
    is_asked = (of_platform, of_status) != ("TRUE", "TRUE")
    condition = ""
    if is_asked:
        condition = "COALESCE(matching_rows, 0) > 0"
        if finds_absent:
            used = _sql.render(namespace, _USED, of=of_platform)
            condition = f"({condition} OR COALESCE(present_rows, 0) < {used})"
    for_filter = ", ".join((matching, present)) if is_asked else ""
    words = [
        f"{_joined('platform', of_status)} AS platform_words",
        f"{_joined('status', of_platform)} AS status_words",
        f"{_joined('platform', 'TRUE')} AS recorded_words",
    ]
    for_facets = ", ".join(filter(None, (for_filter, *words[: 3 if finds_absent else 2])))
    with_recorded = f"CONCAT(COALESCE(platform_words, ''), {_LISTS}, COALESCE(recorded_words, ''))"
    facets = _JointFacets(finds_absent, limit is None, conditions.values.get("platform", ()))
    return JointFilter(
        names=("platform", "status"),
        condition=condition,
        filter_join=_sql.fill(_OF_ACCOUNT, columns=for_filter) if is_asked else "",
        facet_join=_sql.fill(_OF_ACCOUNT, columns=for_facets),
        values={
            "platform": with_recorded if finds_absent else "platform_words",
            "status": "status_words",
        },
        more=_MORE,
        facets=facets.counts,
    )


def _joined(name: str, condition: str) -> str:
    value = name if condition == "TRUE" else f"CASE WHEN {condition} THEN {name} END"
    return f"LISTAGG({value}, '{_BETWEEN}')"


@dataclass(frozen=True)
class _JointFacets:
    """Counts accounts by platform and by status.

    :param finds_absent: whether the filter by status also finds platforms without a row.
    :param counts_absent: whether platforms without a row count as Not Started.
    :param chosen: the platforms of the filter.
    """

    finds_absent: bool
    counts_absent: bool
    chosen: tuple[str, ...]

    def counts(self, name: str, found: Mapping[str, int], answer: Row) -> dict[str, int]:
        """Return the number of accounts by word; ``found`` counts accounts by their set of
        words."""
        used = set(answer["platforms"])
        words = self._platforms if name == "platform" else self._statuses
        counts: dict[str, int] = {}
        for text, n in found.items():
            for word in words(text, used):
                counts[word] = counts.get(word, 0) + n
        return counts

    def _platforms(self, text: str, used: set[str]) -> set[str]:
        passing, _, recorded = text.partition(_BETWEEN_LISTS)
        absent = used - set(recorded.split(_BETWEEN)) if self.finds_absent else set()
        return {word for word in passing.split(_BETWEEN) if word} | absent

    def _statuses(self, text: str, used: set[str]) -> set[str]:
        words = [word for word in text.split(_BETWEEN) if word]
        asked = used & set(self.chosen) if self.chosen else used
        has_absent = self.counts_absent and len(words) < len(asked)
        absent = {NOT_STARTED} if has_absent else set()
        return set(words) | absent
