"""Filling a prepared statement's holes for one execution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .context import Context
from .parameters import text_literal
from .template import Hole, Template


def fill(
    template: Template,
    context: Context,
    version: int | None = None,
    system_table: Callable[[str], Path] | None = None,
) -> str:
    """Engine SQL. ``version`` is for templates that read a table as of a version;
    ``system_table`` writes a snapshot of a system table and says where."""

    def value_of(hole: Hole) -> str:
        match hole.kind:
            case "named":
                return context.parameters.named(str(hole.key))
            case "positional":
                return context.parameters.positional(int(hole.key))
            case "user":
                return text_literal(context.session.user)
            case "version":
                return str(version)
            case "system" if system_table:
                return f"`{system_table(str(hole.key))}`"
        raise AssertionError(hole)

    return template.fill(value_of)
