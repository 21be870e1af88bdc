"""Filter the rows of the history and the diff by account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm.model.namespace import Namespace
from crm.model.records import Listing
from crm.repository import _sql

from . import mine
from ._filters import Conditions, JointFilter, condition_of

FILTERS = ("business_area", "vp", "primary_it_partner")

_ONLY = """
LEFT SEMI JOIN ({chosen}) AS chosen ON chosen.bsnid = {owner}
"""
_CHOSEN = """
SELECT bsnid FROM {accounts} WHERE {condition}
"""


@dataclass(frozen=True)
class AccountFilter:
    """A filter of accounts; it passes all accounts if both fields are empty.

    :param person: passes only this person's accounts; see mine.
    :param values: by column of ``FILTERS``, the allowed values.
    """

    person: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.person or self.values)

    def only(self, owner: str, *namespaces: Namespace) -> str:
        """Return the joins that keep the rows of these accounts; ``owner`` is a row's BSNID.

        An account passes ``values`` if it has them in one of the namespaces; ``person`` is looked
        up in the first. These joins must follow all others; their parameters are ``params``.
        """
        return self._with_values(owner, namespaces) + mine.only_of(
            namespaces[0], self.person, owner
        )

    def _with_values(self, owner: str, namespaces: tuple[Namespace, ...]) -> str:
        if not self.values:
            return ""
        condition = condition_of(self._conditions, JointFilter())
        chosen = (_sql.render(each, _CHOSEN, condition=condition) for each in namespaces)
        return _sql.fill(_ONLY, chosen="UNION ALL".join(chosen), owner=owner)

    @property
    def params(self) -> dict[str, Any]:
        return {**self._conditions.params, **mine.params(self.person)}

    @property
    def _conditions(self) -> Conditions:
        return Conditions.of(Listing(filters=self.values), FILTERS, {})


ALL = AccountFilter()
