"""What the catalog describes: catalogs, schemas, tables, columns, functions, constraints."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

DEFAULT_CATALOG = "workspace"
DEFAULT_SCHEMA = "default"
SYSTEM_CATALOG = "system"
EVERYBODY = "account users"
CHANGE_FEED = "delta.enablechangedatafeed"


@dataclass
class Policy:
    """A row filter or a column mask: a function, and the columns it is given."""

    function: list[str]
    columns: list[str] = field(default_factory=list)


@dataclass
class Column:
    name: str
    type: str
    nullable: bool = True
    comment: str | None = None
    mask: Policy | None = None
    default: str | None = None  # an expression


# Privileges by principal: {principal: {privilege: who granted it}}.
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
    epoch: int = 0  # counts changes of the metadata: concurrent writers must notice them
    grants: Grants = field(default_factory=dict)
    row_filter: Policy | None = None
    feed_since: int | None = None  # the version from which changes are recorded
    schema_since: int = 0  # the version in which a column was renamed or dropped last
    vacuumed_to: int = -1  # the last version whose changes cannot be read, its files being gone

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


@dataclass
class Function:
    """A scalar SQL function; ``namespace`` is where the names in its body are looked up."""

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
    """What all catalogs lie in; nobody owns it, admins administer it."""

    owner: str = ""
    grants: Grants = field(default_factory=dict)
