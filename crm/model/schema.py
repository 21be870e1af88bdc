"""The four tables, described once.

Everything else follows from this description: DDL and column comments, the migration of older
tables, records, forms, the account page, lists as files, export, import and history. To add a
column, add it to ``own_columns`` of its table and run ``manage.py migrate_tables``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

MAX_LINE = 200
# The BSNID that no account may have: /accounts/new/ is the page that creates an account.
RESERVED_BSNID = "new"
AREA = "business_area"
# The columns that name people.
PEOPLE_COLUMNS = frozenset({"vp", "admin", "primary_it_partner", "leader", "author"})
MAX_TEXT = 20_000
# The most characters of the reason of a status, which the note of an operation stores.
MAX_REASON = 500


@dataclass(frozen=True)
class Column:
    """One column.

    :param kind: its form field and display: text, long_text, links, choice, date or timestamp.
    :param required: the forms refuse a record without it.
    :param not_null: Delta refuses a row without it. Only keys are NOT NULL, so that legacy rows
        with gaps can still be stored and shown.
    :param vocabulary: the list of words that a choice offers; see ``crm.model.vocabulary.words``.
    :param max_length: in characters.
    """

    name: str
    label: str
    comment: str
    type: str = "STRING"
    kind: str = "text"
    required: bool = False
    not_null: bool = False
    vocabulary: str = ""
    help: str = ""
    max_length: int = MAX_LINE


AUDIT_COLUMNS = (
    Column("created_at", "Created", "When the row was created (UTC)", "TIMESTAMP", "timestamp"),
    Column("updated_at", "Changed", "When the row last changed (UTC)", "TIMESTAMP", "timestamp"),
    Column("created_by", "Created by", "Who created the row (e-mail)"),
    Column("updated_by", "Changed by", "Who last changed the row (e-mail)"),
)
AUDIT_NAMES = frozenset(column.name for column in AUDIT_COLUMNS)
# The operation that wrote a row version; see crm/repository/operations.py. No page, file or diff
# shows it.
CHANGE_ID = Column(
    "change_id", "Operation", "The operation of EDIP CRM that last wrote the row (UUID, hex)"
)


@dataclass(frozen=True)
class Table:
    """One table: its own columns, then the audit columns that every table has.

    ``columns`` and ``names`` are those of a record. ``stored_columns`` also has ``CHANGE_ID``.

    :param gist: the column by which people recognize a record.
    :param parent_key: the column with the account's BSNID; empty for the accounts themselves.
    :param natural_key: the columns that identify an imported row without a key.
    :param composite_key: the columns of the primary key, if it is more than ``key``.
    """

    name: str
    singular: str
    plural: str
    comment: str
    key: str
    own_columns: tuple[Column, ...]
    cluster_by: tuple[str, ...]
    gist: str = ""
    parent_key: str = ""
    natural_key: tuple[str, ...] = ()
    composite_key: tuple[str, ...] = ()
    extra: tuple[Column, ...] = AUDIT_COLUMNS

    def __hash__(self) -> int:
        # Tables are the keys of many dictionaries; a hash of all columns would cost a lot.
        return hash(self.name)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return self.own_columns + self.extra

    @cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        return (*self.columns, CHANGE_ID) if self.extra else self.columns

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @cached_property
    def own_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.own_columns)

    @cached_property
    def match(self) -> tuple[str, ...]:
        """Return the columns by which an imported row is matched with a stored one."""
        return self.natural_key or (self.key,)

    @cached_property
    def editable(self) -> tuple[Column, ...]:
        """Return the columns that people fill in: all but the keys and the audit columns."""
        keys = {self.key, self.parent_key}
        return tuple(column for column in self.own_columns if column.name not in keys)

    @cached_property
    def bulk_columns(self) -> tuple[Column, ...]:
        """Return the columns that a bulk change can set: no long texts, no dates."""
        own = ("long_text", "date")
        return tuple(column for column in self.editable if column.kind not in own)

    @cached_property
    def owner(self) -> str:
        """Return the name of the column with the BSNID of a row's account."""
        return self.parent_key or self.key

    def column(self, name: str) -> Column:
        """Return the column with this name. Raises StopIteration if there is none."""
        return next(column for column in self.columns if column.name == name)


def _id(record: str) -> Column:
    return Column("id", "Id", f"Key of the {record} (UUID)", not_null=True, max_length=64)


def _account_key() -> Column:
    return Column(
        "account_bsnid",
        "Account",
        "The account that this belongs to (accounts.bsnid)",
        not_null=True,
        max_length=64,
    )


def _platform(required: bool = False) -> Column:
    return Column(
        "platform",
        "Platform",
        "Data platform, such as Databricks",
        kind="choice",
        vocabulary="platforms",
        required=required,
    )


ACCOUNTS = Table(
    name="accounts",
    singular="account",
    plural="accounts",
    comment="Business teams that the enablement team works with",
    key="bsnid",
    gist="team",
    cluster_by=("bsnid",),
    own_columns=(
        Column(
            "bsnid",
            "BSNID",
            "Key of the account, as the business knows it",
            required=True,
            not_null=True,
            help="The team’s unique id, such as BSN001. It cannot be changed later.",
            max_length=64,
        ),
        Column("team", "Team", "Name of the business team", required=True),
        Column("business_area", "Business area", "Part of the company", required=True),
        Column("vp", "VP", "Vice president responsible for the team"),
        Column("admin", "Admin", "Who administers the team’s platforms"),
        Column("primary_it_partner", "Primary IT partner", "Main contact in IT"),
        Column(
            "azure_devops_link",
            "Azure DevOps",
            "Links to Azure DevOps, one per line",
            kind="links",
            help="One link per line, each starting with https://",
            max_length=4000,
        ),
        Column(
            "artifacts_folder_link",
            "Artifacts folder",
            "Links to the folder with the team’s documents, one per line",
            kind="links",
            help="One link per line, each starting with https://",
            max_length=4000,
        ),
    ),
)

PLATFORMS_STATUS = Table(
    name="platforms_status",
    singular="platform status",
    plural="platform statuses",
    comment="How far each account has come on each platform",
    key="id",
    parent_key="account_bsnid",
    natural_key=("account_bsnid", "platform"),
    cluster_by=("account_bsnid",),
    own_columns=(
        _id("platform status"),
        _account_key(),
        _platform(required=True),
        Column(
            "status",
            "Onboarding status",
            "Onboarding status, such as In Progress",
            kind="choice",
            vocabulary="onboarding_statuses",
            required=True,
        ),
    ),
)

USE_CASES = Table(
    name="use_cases",
    singular="use case",
    plural="use cases",
    comment="What an account wants to do with a platform",
    key="id",
    gist="problem",
    parent_key="account_bsnid",
    cluster_by=("account_bsnid",),
    own_columns=(
        _id("use case"),
        _account_key(),
        Column(
            "problem",
            "Problem",
            "The problem to be solved",
            kind="long_text",
            required=True,
            max_length=MAX_TEXT,
        ),
        Column(
            "solution",
            "Solution",
            "How it is to be solved",
            kind="long_text",
            max_length=MAX_TEXT,
        ),
        Column("leader", "Leader", "Who leads the use case"),
        Column(
            "status",
            "Status",
            "Status of the use case, such as Active",
            kind="choice",
            vocabulary="use_case_statuses",
            required=True,
        ),
        Column(
            "enablement_tier",
            "Enablement tier",
            "How much help the team gets, such as Guided",
            kind="choice",
            vocabulary="enablement_tiers",
        ),
        _platform(),
    ),
)

UPDATES = Table(
    name="updates",
    singular="update",
    plural="updates",
    comment="What people wrote about an account, by date",
    key="id",
    gist="description",
    parent_key="account_bsnid",
    cluster_by=("account_bsnid", "date"),
    own_columns=(
        _id("update"),
        _account_key(),
        Column("author", "Author", "Who wrote the update", required=True),
        Column("date", "Date", "Day that the update is about", "DATE", "date", required=True),
        _platform(),
        Column(
            "description",
            "Update",
            "What happened",
            kind="long_text",
            required=True,
            max_length=MAX_TEXT,
        ),
    ),
)

CHILDREN = (PLATFORMS_STATUS, USE_CASES, UPDATES)
TABLES = (ACCOUNTS, *CHILDREN)
TABLE_BY_NAME = {table.name: table for table in TABLES}
