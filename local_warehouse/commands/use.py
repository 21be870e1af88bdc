"""USE and SET: change the session's namespace and configuration."""

from __future__ import annotations

from local_warehouse.context import Context
from local_warehouse.errors import SqlError, unsupported
from local_warehouse.result import NOTHING, TEXT, Result, rows
from local_warehouse.sql.names import Namespace
from local_warehouse.sql.parsing import Words

# https://docs.databricks.com/sql/language-manual/sql-ref-parameters
KNOWN = (
    "ANSI_MODE",
    "ENABLE_PHOTON",
    "LEGACY_TIME_PARSER_POLICY",
    "MAX_FILE_PARTITION_BYTES",
    "QUERY_TAGS",
    "READ_ONLY_EXTERNAL_METASTORE",
    "STATEMENT_TIMEOUT",
    "TIMEZONE",
    "USE_CACHED_RESULT",
)


def use(words: Words, context: Context) -> Result:
    session = context.session
    if words.accept("CATALOG"):
        (catalog,) = words.name()
        context.catalog.catalog(catalog)
        context.access.require("USE CATALOG", context.resolver.catalog_named(catalog))
        session.namespace = Namespace(catalog.lower(), "default")
    else:
        _ = words.accept("SCHEMA") or words.accept("DATABASE")
        securable = context.resolver.schema(words.name())
        context.catalog.schema(*securable.path)
        context.access.require("USE SCHEMA", securable)
        session.namespace = Namespace(*securable.path)
    words.end()
    return NOTHING


def set_configuration(words: Words, context: Context) -> Result:
    """``SET name = value``; ``SET`` alone lists the session's configuration."""
    configuration = context.session.configuration
    if words.accept("VAR") or words.accept("VARIABLE"):
        raise unsupported("session variables")
    if words.more:
        if words.accept("TIME", "ZONE"):
            name = "TIMEZONE"
        else:
            name = ".".join(words.name())
            if words.accept("["):
                raise unsupported(f"SET {name}[…]")
            words.expect("=")
        value = words.value()
        words.end()
        configuration[name.upper()] = check_setting(name.upper(), value)
    return rows({"key": TEXT, "value": TEXT}, sorted(configuration.items()))


def check_setting(name: str, value: str) -> str:
    """Return the value. Raises SqlError if the warehouse cannot honour it."""
    if name not in KNOWN:
        raise SqlError("CONFIG_NOT_AVAILABLE", f"Configuration {name} is not available.", "42K0I")
    if name == "TIMEZONE" and value.upper() not in ("UTC", "ETC/UTC", "GMT", "Z"):
        raise unsupported(f"the session time zone {value}; only UTC")
    if name == "ANSI_MODE" and value.lower() != "true":
        raise unsupported("ANSI_MODE other than true")
    return value
