"""The objects of the catalog: catalogs, schemas, tables, columns, functions, constraints."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from local_warehouse.errors import column_not_found

DEFAULT_CATALOG = "workspace"
DEFAULT_SCHEMA = "default"
SYSTEM_CATALOG = "system"
EVERYBODY = "account users"
CHANGE_FEED = "delta.enablechangedatafeed"


@dataclass
class Policy:
    """A row filter or column mask: its function, and the columns that are its arguments.

    A mask's function takes the masked column first; ``columns`` are the further ones.
    """

    function: list[str]
    columns: list[str] = field(default_factory=list)

    @property
    def path(self) -> tuple[str, str, str]:
        catalog, schema, name = self.function
        return catalog, schema, name


@dataclass
class Column:
    name: str
    type: str
    nullable: bool = True
    comment: str | None = None
    mask: Policy | None = None
    default: str | None = None  # an expression
    not_null_since: int = 0  # the version that last forbade NULL


# The privileges of each principal, and who granted them: {principal: {privilege: grantor}}.
Grants = dict[str, dict[str, str]]


@dataclass
class Constraint:
    """PRIMARY KEY or FOREIGN KEY: informational, never enforced, as in Unity Catalog."""

    name: str
    kind: str
    columns: list[str]
    references: list[str] | None = None
    referenced_columns: list[str] | None = None


@dataclass
class Table:
    catalog: str
    schema: str
    name: str
    columns: list[Column]
    owner: str
    comment: str | None = None
    cluster_by: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    constraints: list[Constraint] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"t_{uuid.uuid4().hex}")
    created_at: float = field(default_factory=time.time)
    epoch: int = 0  # counts the changes of the description, so that writers notice them
    grants: Grants = field(default_factory=dict)
    row_filter: Policy | None = None
    feed_since: int | None = None  # the first version whose changes are recorded
    schema_since: int = 0  # the last version that renamed or dropped a column
    vacuumed_to: int = -1  # the last version whose changes cannot be read after VACUUM

    @property
    def full_name(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.name}"

    @property
    def has_change_feed(self) -> bool:
        found = (v for k, v in self.properties.items() if k.lower() == CHANGE_FEED)
        return next(found, "false").lower() == "true"

    def column(self, name: str) -> Column | None:
        wanted = name.lower()
        return next((column for column in self.columns if column.name.lower() == wanted), None)

    def require_column(self, name: str) -> Column:
        """Return a column. Raises SqlError if the table has none of this name."""
        column = self.column(name)
        if column is None:
            raise column_not_found(f"`{name}`")
        return column


@dataclass
class Function:
    """A scalar SQL function; ``namespace`` is the catalog and schema of names in its body."""

    catalog: str
    schema: str
    name: str
    parameters: list[Column]
    returns: str
    body: str
    owner: str
    namespace: list[str]
    comment: str | None = None
    created_at: float = field(default_factory=time.time)
    grants: Grants = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.name}"


@dataclass
class Schema:
    comment: str | None = None
    owner: str = ""
    created_at: float = field(default_factory=time.time)
    tables: dict[str, Table] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    grants: Grants = field(default_factory=dict)


@dataclass
class CatalogEntry:
    comment: str | None = None
    owner: str = ""
    created_at: float = field(default_factory=time.time)
    schemas: dict[str, Schema] = field(default_factory=dict)
    grants: Grants = field(default_factory=dict)


@dataclass
class Metastore:
    """The container of all catalogs; nobody owns it, and admins administer it."""

    owner: str = ""
    grants: Grants = field(default_factory=dict)
