"""The definition of the list of accounts, for its own pages and for pages that lead back to it."""

from __future__ import annotations

from crm.model.schema import ACCOUNTS
from crm.repository.records import accounts

from ._dates import OF_ACCOUNTS
from ._subject import Subject

LIST = Subject(ACCOUNTS, accounts, "accounts", default_sort="team", dates=OF_ACCOUNTS)
