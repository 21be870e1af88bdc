"""No write goes to tables of a later version; from the answers of a replaced warehouse."""

from __future__ import annotations

from typing import Any

import pytest

from crm.repository import _writing, ddl
from crm.repository.errors import NewerSchema
from crm.warehouse.errors import ObjectNotFound, PermissionDenied

from .test_privileges import Answers


@pytest.fixture(autouse=True)
def _forget() -> None:
    _writing.forget_all()


def properties(version: str) -> list[dict[str, str]]:
    return [{"key": "other", "value": "99"}, {"key": ddl.VERSION_PROPERTY, "value": version}]


@pytest.mark.parametrize(
    "answer",
    [[], properties(str(ddl.VERSION)), properties("1"), properties("new"), PermissionDenied("no")],
)
def test_tables_of_a_known_version_are_written_to_and_asked_once(answer: Any) -> None:
    asking: Any = Answers(answer)
    _writing._require_known_schema(asking)
    _writing._require_known_schema(asking)
    assert len(asking.ran) == 1
    asking.answer = 1
    assert _writing.write(asking, "UPDATE x", repeatable=True) == 1
    assert len(asking.ran) == 2


def test_tables_of_a_later_version_are_not_written_to() -> None:
    asking: Any = Answers(properties(str(ddl.VERSION + 1)))
    for _ in range(2):
        with pytest.raises(NewerSchema, match=f"version {ddl.VERSION + 1}, .* to {ddl.VERSION}"):
            _writing.write(asking, "UPDATE x", repeatable=True)
    assert "UPDATE x" not in asking.ran


def test_a_missing_table_is_asked_about_again() -> None:
    asking: Any = Answers(ObjectNotFound("none"))
    _writing._require_known_schema(asking)
    asking.answer = properties(str(ddl.VERSION + 1))
    with pytest.raises(NewerSchema):
        _writing._require_known_schema(asking)
