"""The CRM's own tables, in addition to the four tables of data.

Exports, backups and restores leave them out, and the CRM works without them.
"""

from __future__ import annotations

from .schema import TABLES, Column, Table

# Notes about operations of many rows, and the reasons of statuses.
OPERATIONS = Table(
    name="operations",
    singular="operation",
    plural="operations",
    comment="Operations of EDIP CRM that wrote many rows, such as imports",
    key="id",
    cluster_by=("id",),
    extra=(),
    own_columns=(
        Column("id", "Id", "change_id of the rows that it wrote", not_null=True),
        Column("kind", "Kind", "Kind of operation, such as import"),
        Column("person", "Person", "Who made it (e-mail)"),
        Column("started_at", "Started", "When it began (UTC)", "TIMESTAMP", "timestamp"),
        Column("ended_at", "Ended", "When it succeeded (UTC)", "TIMESTAMP", "timestamp"),
        Column("summary", "Summary", "What it did, in words that follow the person's name"),
        Column("note", "Note", "What the person noted about it"),
    ),
)

# People's settings: their names in the data, and the accounts that they follow.
PEOPLE = Table(
    name="people",
    singular="person",
    plural="people",
    comment="Names of the people who use EDIP CRM, as accounts and use cases have them",
    key="person",
    cluster_by=("person",),
    extra=(),
    own_columns=(
        Column("person", "Person", "Whom the names belong to (e-mail)", not_null=True),
        Column("name", "Name", "Names of the person in the data, one per line"),
        Column("updated_at", "Changed", "When they last changed (UTC)", "TIMESTAMP", "timestamp"),
    ),
)
FOLLOWS = Table(
    name="follows",
    singular="followed account",
    plural="followed accounts",
    comment="Which accounts people follow in EDIP CRM",
    key="person",
    composite_key=("person", "account_bsnid"),
    cluster_by=("person",),
    extra=(),
    own_columns=(
        Column("person", "Person", "Who follows the account (e-mail)", not_null=True),
        Column("account_bsnid", "Account", "The account (accounts.bsnid)", not_null=True),
        Column("followed_at", "Followed", "Since when (UTC)", "TIMESTAMP", "timestamp"),
    ),
)

# People's choices for the headings of files, which apply again to files with the same headings.
IMPORT_MAPPINGS = Table(
    name="import_mappings",
    singular="import mapping",
    plural="import mappings",
    comment="How EDIP CRM reads files with these headings, as people chose it",
    key="id",
    cluster_by=("id",),
    extra=(),
    own_columns=(
        Column("id", "Id", "Hash of the headings (SHA-256)", not_null=True),
        Column("mapping", "Mapping", "Table, columns, order of dates and time zone (JSON)"),
        Column("person", "Person", "Who chose it last (e-mail)"),
        Column("updated_at", "Changed", "When it was last chosen (UTC)", "TIMESTAMP", "timestamp"),
    ),
)

# Saved views of lists, and each person's default view.
SAVED_VIEWS = Table(
    name="saved_views",
    singular="saved view",
    plural="saved views",
    comment="Lists of EDIP CRM as people saved them: filters, order and columns",
    key="id",
    cluster_by=("id",),
    extra=(),
    own_columns=(
        Column("id", "Id", "Key of the saved view (UUID)", not_null=True),
        Column("person", "Owner", "Who saved it first (e-mail)"),
        Column("list_name", "List", "The list: accounts, use_cases or updates"),
        Column("name", "Name", "What people call it"),
        Column("query", "Settings", "The settings, as the address of the list has them"),
        Column("is_shared", "Shared", "Whether everybody sees it", "BOOLEAN"),
        Column("updated_at", "Changed", "When it last changed (UTC)", "TIMESTAMP", "timestamp"),
        Column("updated_by", "Changed by", "Who last changed it (e-mail)"),
    ),
)
DEFAULT_VIEWS = Table(
    name="default_views",
    singular="default view",
    plural="default views",
    comment="Which saved view each person sees first in a list of EDIP CRM",
    key="person",
    composite_key=("person", "list_name"),
    cluster_by=("person",),
    extra=(),
    own_columns=(
        Column("person", "Person", "Who sees the view first (e-mail)", not_null=True),
        Column("list_name", "List", "accounts, use_cases or updates", not_null=True),
        Column("view_id", "Saved view", "The view (saved_views.id); empty for all rows"),
        Column("updated_at", "Changed", "When it last changed (UTC)", "TIMESTAMP", "timestamp"),
    ),
)

# The recipients of digests and their last digest. Each recipient has one row, which a run changes
# before it sends: if two runs change one row at the same time, the warehouse refuses one.
DIGESTS = Table(
    name="digests",
    singular="digest",
    plural="digests",
    comment="Who gets digests of EDIP CRM, how often, and which one was begun last",
    key="recipient",
    cluster_by=("recipient",),
    extra=(),
    own_columns=(
        Column("recipient", "Recipient", "An e-mail address, or a chat", not_null=True),
        Column("every", "Every", "How often a person wants it: daily, weekly or none"),
        Column("period", "Period", "The day or week of the digest that was begun last"),
        Column("state", "State", "Of that digest: sending, sent, nothing or refused"),
        Column("run", "Run", "Id of the attempt to send that digest"),
        Column("begun_at", "Begun", "When that attempt began (UTC)", "TIMESTAMP", "timestamp"),
        Column(
            "told_until",
            "Told until",
            "The moment (UTC) up to which the last digest told that was noted as sent",
            "TIMESTAMP",
            "timestamp",
        ),
        Column(
            "updated_at", "Changed", "When the row was changed (UTC)", "TIMESTAMP", "timestamp"
        ),
    ),
)

# The CRM's own tables, and all tables.
OWN_TABLES = (
    OPERATIONS,
    PEOPLE,
    FOLLOWS,
    IMPORT_MAPPINGS,
    SAVED_VIEWS,
    DEFAULT_VIEWS,
    DIGESTS,
)
ALL_TABLES = (*TABLES, *OWN_TABLES)
