"""Choose accounts for statements about what belongs to accounts: the history and the diff."""

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
    """Which accounts are wanted; all of them if both are empty.

    :param person: whose accounts, see mine.
    :param values: by column of ``FILTERS``, the values of which an account has one.
    """

    person: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.person or self.values)

    def only(self, owner: str, *namespaces: Namespace) -> str:
        """Return the joins that keep the rows of these accounts; ``owner`` is a row's BSNID.

        An account has the values if it has them in one of the namespaces; whose it is depends on
        the first. The joins come last of all, and their parameters are ``params``.
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
