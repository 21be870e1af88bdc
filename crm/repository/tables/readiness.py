"""Find out whether the tables can be used, for /readyz, which is requested every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from cachetools import TTLCache

from crm.model.own_tables import OWN_TABLES
from crm.model.schema import ACCOUNTS, TABLES, Table
from crm.repository import _sql, ddl, properties
from crm.warehouse import Warehouse
from crm.warehouse.deadline import Deadline
from crm.warehouse.errors import (
    ColumnNotFound,
    ObjectNotFound,
    PermissionDenied,
    SignInAgain,
)
from crm.warehouse.usage import tagged

from . import privileges

# Seconds for which a process remembers a positive and a negative answer.
REMEMBERED, REMEMBERED_FAILURE = 60.0, 5.0
# Seconds that a caller waits, less than load balancers do; and seconds for all statements.
PATIENCE, LONGEST = 4.0, 20.0

_READ = "SELECT COUNT(*) AS n FROM (SELECT {columns} FROM {table} WHERE FALSE) AS t"

_lock = threading.Lock()
_known: TTLCache[Hashable, Readiness] = TTLCache(maxsize=200, ttl=REMEMBERED)
_failed: TTLCache[Hashable, Readiness] = TTLCache(maxsize=200, ttl=REMEMBERED_FAILURE)
_running: dict[Hashable, Future[Readiness]] = {}


@dataclass(frozen=True)
class Readiness:
    """The answer. ``text`` says why the tables cannot be used, or what is limited, without
    data."""

    is_ready: bool
    text: str


def ask(wh: Warehouse) -> Readiness:
    """Return the result of ``check`` within ``PATIENCE`` seconds.

    Each identity has at most one running check, which all callers share. None runs while an answer
    is remembered. Raises SignInAgain.
    """
    key = wh.cache_key
    with _lock:
        known = _known.get(key) or _failed.get(key)
        if known:
            return known
        found = _running.get(key)
        if found is None:
            found = Future()
            # The check continues after the caller has given up.
            work = partial(_share, wh.within(Deadline.after(LONGEST)), key, found)
            threading.Thread(target=tagged(work), daemon=True, name="readiness").start()
            _running[key] = found
    try:
        return found.result(PATIENCE)
    except TimeoutError:
        return Readiness(False, f"no answer from the warehouse within {PATIENCE:g} s")


def _share(wh: Warehouse, key: Hashable, future: Future[Readiness]) -> None:
    """Run the check, remember the answer, and give it to all callers."""
    try:
        known = check(wh)
    except SignInAgain as error:
        with _lock:
            del _running[key]
        future.set_exception(error)
        return
    except Exception as error:  # noqa: BLE001 - those who wait would wait for ever
        known = Readiness(False, type(error).__name__)
    with _lock:
        (_known if known.is_ready else _failed)[key] = known
        del _running[key]
    future.set_result(known)


def check(wh: Warehouse) -> Readiness:
    """Return whether the tables exist, in this CRM's version, with the rights to use them.

    Four statements; if one of the CRM's own tables cannot be read, one more for each of them.
    Raises WarehouseError if the warehouse does not answer.
    """
    try:
        version = _version(wh)
        if version is not None and version < ddl.VERSION:
            text = f"the tables are of version {version}, not {ddl.VERSION}: run set_up"
            return Readiness(False, text)
        _read(wh, TABLES)
        may_write = privileges.may_write(wh)
    except ObjectNotFound:
        return Readiness(False, "tables are missing: run set_up")
    except ColumnNotFound:
        return Readiness(False, "a column is missing: run set_up")
    except PermissionDenied:
        return Readiness(False, "the right to read the tables is missing: run print_grants")
    limits = _lacking(wh)
    if version is not None and version > ddl.VERSION:
        limits.append(f"read only: the tables are of version {version}")
    elif not may_write:
        limits.append("read only: no right to change the tables")
    return Readiness(True, "; ".join(limits))


def _lacking(wh: Warehouse) -> list[str]:
    """Say which of the CRM's own tables, which are optional, are missing or may not be read."""
    try:
        _read(wh, OWN_TABLES)
    except (ObjectNotFound, ColumnNotFound, PermissionDenied):
        missing, forbidden = list[str](), list[str]()
        for table in OWN_TABLES:
            try:
                _read(wh, (table,))
            except (ObjectNotFound, ColumnNotFound):
                missing.append(table.name)
            except PermissionDenied:
                forbidden.append(table.name)
        texts = (
            ("without the tables", missing, "run set_up"),
            ("without the right to read the tables", forbidden, "run print_grants"),
        )
        return [f"{text} {', '.join(names)}: {what}" for text, names, what in texts if names]
    return []


def _version(wh: Warehouse) -> int | None:
    """Return the version of the tables; None if the person may not read it."""
    try:
        noted = properties.read(wh, ACCOUNTS).get(ddl.VERSION_PROPERTY, "")
    except PermissionDenied:
        return None
    return int(noted) if noted.isdecimal() else 1


def _read(wh: Warehouse, tables: Sequence[Table]) -> None:
    """Read all columns of the tables, but no rows."""
    reads = (
        _sql.render(
            wh.namespace,
            _READ,
            columns=_sql.names(column.name for column in table.stored_columns),
            table=wh.namespace.table(table),
        )
        for table in tables
    )
    wh.query(" UNION ALL ".join(reads))
