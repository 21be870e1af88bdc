"""A warehouse that records the columns, types, numbers and error class of each answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from crm.warehouse import Warehouse
from crm.warehouse.errors import WarehouseError
from crm.warehouse.usage import first_table

Result = TypeVar("Result")
# The answer to a statement, as a value for JSON; see ``Observed``.
Answer = dict[str, Any]

# Variable parts of names: a moment in a backup's clone, a random number in check_connection's
# table.
_MADE_UP = re.compile(r"__\d.*|_[0-9a-f]{8}$")
_TWO_WORDS = {"DESCRIBE", "SHOW", "ALTER", "CREATE", "DROP", "COMMENT", "BEGIN"}


@dataclass(frozen=True)
class Observed(Warehouse):
    """The warehouse; ``answers`` has one entry per statement: ``what`` ran, and either

    * ``columns`` (name → type) and ``rows`` of a query,
    * ``changed``, the number of rows that a write changed, or
    * ``error``, our class of the error, with the warehouse's ``error_class`` and ``sqlstate``.
    """

    answers: list[Answer] = field(default_factory=list, compare=False, repr=False)

    def query(self, sql: str, params: Any = None) -> list[dict[str, Any]]:
        return self._note(sql, lambda: super(Observed, self).query(sql, params), _of_rows)

    def execute_and_read(self, sql: str, params: Any, *, repeatable: bool) -> list[dict[str, Any]]:
        return self._note(
            sql,
            lambda: super(Observed, self).execute_and_read(sql, params, repeatable=repeatable),
            _of_rows,
        )

    def execute(self, sql: str, params: Any = None, *, repeatable: bool) -> int:
        return self._note(
            sql,
            lambda: super(Observed, self).execute(sql, params, repeatable=repeatable),
            lambda count: {"changed": count},
        )

    def _note(
        self, sql: str, run: Callable[[], Result], answer_of: Callable[[Result], Answer]
    ) -> Result:
        try:
            result = run()
        except WarehouseError as error:
            self.answers.append({"what": what(sql), **of_error(error)})
            raise
        self.answers.append({"what": what(sql), **answer_of(result)})
        return result


def what(sql: str) -> str:
    """Return the kind of a statement: its verb, and the first table that it names."""
    words = re.sub(r"IF (NOT )?EXISTS", "", sql).split()
    verb = " ".join(words[: 2 if words[0] in _TWO_WORDS else 1])
    name = _MADE_UP.sub("", first_table(sql))
    view = re.search(r"information_schema\.(\w+)", sql)
    return f"{verb} {view[0] if view else name}".rstrip()


def of_error(error: WarehouseError) -> Answer:
    kind, state = error.error_class or "", error.sqlstate or ""
    return {"error": type(error).__name__, "error_class": kind, "sqlstate": state}


def _of_rows(rows: Sequence[dict[str, Any]]) -> Answer:
    types: dict[str, str] = {}
    for row in rows:
        for name, value in row.items():
            if types.get(name, "null") == "null":
                types[name] = "null" if value is None else type(value).__name__
    return {"columns": types, "rows": len(rows)}
