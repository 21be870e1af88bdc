"""A digest as a message in a chat: what an incoming webhook of Teams or Slack takes.

Texts from the data stand in elements that know no markup, so nothing in them is a link, a mention
or a heading. Both chats cut messages of more than some 28 kB: the content is much shorter.

https://adaptivecards.io/explorer/RichTextBlock.html
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .content import Digest

TEAMS, SLACK = "teams", "slack"
FORMS = (TEAMS, SLACK)

Json = dict[str, Any]


@dataclass(frozen=True)
class _Line:
    """A text; ``url`` is where it leads. ``is_item``: it stands below the line before it."""

    text: str
    url: str = ""
    is_heading: bool = False
    is_item: bool = False


def payload(digest: Digest, home: str, form: str) -> Json:
    """Return the body for a webhook of the form; ``home`` is the app's address."""
    lines = list(_lines(digest, home))
    return _teams(digest, lines) if form == TEAMS else _slack(digest, lines)


def _lines(digest: Digest, home: str) -> Iterator[_Line]:
    yield _Line(digest.subject, is_heading=True)
    yield _Line(f"{digest.whose}, {digest.period}")
    if not digest.is_short:
        yield from _changes(digest, home)
        yield from _attention(digest, home)
    yield _Line("Open EDIP CRM", f"{home}{digest.path}")


def _changes(digest: Digest, home: str) -> Iterator[_Line]:
    yield _Line("What changed", is_heading=True)
    if digest.unknown:
        yield _Line(f"This is unknown: {digest.unknown}.")
    elif not digest.changes:
        yield _Line("Nothing.")
    for account in digest.accounts:
        yield _Line(account.team, f"{home}{account.path}")
        yield from (_Line(line, is_item=True) for line in account.lines)
        if account.rest:
            yield _Line(f"and {account.rest}", is_item=True)
    if digest.rest:
        yield _Line(f"… and {digest.rest}")


def _attention(digest: Digest, home: str) -> Iterator[_Line]:
    yield _Line("Needs attention", is_heading=True)
    if not digest.kinds:
        yield _Line("Nothing.")
    for kind in digest.kinds:
        yield _Line(f"{kind.heading}: {kind.count}", f"{home}{kind.path}")
        yield from (_Line(name, is_item=True) for name in kind.names)


def _teams(digest: Digest, lines: list[_Line]) -> Json:
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "fallbackText": digest.subject,
        "body": [_teams_block(line) for line in lines],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def _teams_block(line: _Line) -> Json:
    run: Json = {"type": "TextRun", "text": f"– {line.text}" if line.is_item else line.text}
    if line.is_heading:
        run |= {"weight": "Bolder", "size": "Medium"}
    if line.url:
        run["selectAction"] = {"type": "Action.OpenUrl", "url": line.url}
    spacing = "Medium" if line.is_heading else "None"
    return {"type": "RichTextBlock", "spacing": spacing, "inlines": [run]}


def _slack(digest: Digest, lines: list[_Line]) -> Json:
    elements = [element for line in lines for element in _slack_elements(line)]
    section = {"type": "rich_text_section", "elements": elements}
    block = {"type": "rich_text", "elements": [section]}
    # What notifications show. It quotes no data: this text knows markup.
    return {"text": digest.subject, "blocks": [block]}


def _slack_elements(line: _Line) -> Iterator[Json]:
    start = "\n\n" if line.is_heading else "\n– " if line.is_item else "\n"
    yield {"type": "text", "text": start}
    shown: Json = {"type": "text", "text": line.text}
    if line.url:
        shown |= {"type": "link", "url": line.url}
    yield shown | ({"style": {"bold": True}} if line.is_heading else {})
