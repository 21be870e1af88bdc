"""What the help says: what each page is for, and the keys that pages know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Purpose:
    """What a page is for, in one or two sentences."""

    page: str
    text: str


@dataclass(frozen=True)
class Shortcut:
    """Keys that are pressed one after the other, or together if there is a ``+`` among them."""

    keys: tuple[str, ...]
    text: str


SHORTCUTS = (
    Shortcut(("?",), "Open this help."),
    Shortcut(("/",), "Search everything, as Ctrl + K does. Arrows choose, Enter opens."),
    Shortcut(("f",), "In a list: go to its search field."),
    Shortcut(("c",), "On an account’s page: go to the field for a new update."),
    Shortcut(
        ("Ctrl", "+", "Enter"),
        "In the form of a record, and in the field for a new update: save. On a Mac: Cmd + Enter.",
    ),
    Shortcut(("Shift", "+", "click"), "In a list: select all rows from the last one to this one."),
    Shortcut(("Esc",), "Close the filter, the form or the question that is open."),
)

_RECORD_FORM = (
    "The form of one record. If somebody else saves the same record meanwhile, nothing that you "
    "typed is lost: different fields are merged, and for the same field you choose."
)
_DELETE = "Asks before a record is deleted. Its history keeps it, and can bring it back."
_BULK = (
    "Changes or deletes many rows at once. A preview shows each row before anything is written."
)
_HISTORY = (
    "Who changed what, and when. From here a change can be reverted, and what was deleted can be "
    "brought back."
)
_DIFF = "What was added, changed and deleted since a moment that you choose."
_IMPORT = (
    "Brings in rows from files. First comes a preview with a remark on each row that is changed, "
    "skipped or refused."
)

_LIST_OF = "Search, filters and sorting are in the address, so you can share what you see."

_VIEWS = (
    "Lists with their search, filters, order and columns under a name. A view that you share is "
    "seen by everybody; only you and administrators change it."
)

# By the name of its URL.
PURPOSES = {
    "overview": Purpose(
        "Overview",
        "Where all teams stand: how many there are, how far they are on each platform, and what "
        "was written lately. Figures lead to the lists that they count.",
    ),
    "attention": Purpose(
        "Attention",
        "What should not wait: accounts without news, onboarding that does not move, missing IT "
        "partners, dates that cannot be right. Each kind leads to its list.",
    ),
    "trends": Purpose("Trends", "How the figures have developed, and where they differ."),
    "account-list": Purpose("Accounts", f"Every business team. {_LIST_OF}"),
    "use-case-list": Purpose("Use cases", f"What teams want to do on the platforms. {_LIST_OF}"),
    "update-list": Purpose("Updates", f"Dated notes about the teams. {_LIST_OF}"),
    "saved-views": Purpose("Saved views", _VIEWS),
    "saved-view-create": Purpose("Save a view", _VIEWS),
    "saved-view-edit": Purpose("Edit a view", _VIEWS),
    "saved-view-delete": Purpose("Delete a view", _VIEWS),
    "account-detail": Purpose(
        "An account",
        "Everything about one team: platforms, use cases, updates and people. Follow the account "
        "to find it under Mine.",
    ),
    "account-create": Purpose("A new account", "Adds a team. Fields that may stay empty say so."),
    "account-edit": Purpose("Edit an account", _RECORD_FORM),
    "use-case-create": Purpose("A new use case", "Adds what the team wants to do on a platform."),
    "use-case-edit": Purpose("Edit a use case", _RECORD_FORM),
    "update-create": Purpose("A new update", "Adds a dated note about the team."),
    "update-edit": Purpose("Edit an update", _RECORD_FORM),
    "account-delete": Purpose(
        "Delete an account",
        "Asks before an account goes, with its use cases, updates and platform statuses. The "
        "history can bring them back.",
    ),
    "use-case-delete": Purpose("Delete a use case", _DELETE),
    "update-delete": Purpose("Delete an update", _DELETE),
    "account-bulk": Purpose("Change accounts", _BULK),
    "use-case-bulk": Purpose("Change use cases", _BULK),
    "update-bulk": Purpose("Delete updates", _BULK),
    "platform-status": Purpose(
        "Set a platform’s status", "How far the team has come on the platform, and why."
    ),
    "use-case-status": Purpose("Set a use case’s status", "How far the use case is, and why."),
    "activity": Purpose("Activity", _HISTORY),
    "account-history": Purpose("History", _HISTORY),
    "revert": Purpose("Revert a change", "Brings back earlier values, after showing both."),
    "diff": Purpose("What changed since", _DIFF),
    "account-diff": Purpose("What changed since", _DIFF),
    "as-of": Purpose(
        "As of a moment",
        "Shows the whole CRM as it was. Pages of the past can be read and shared, not changed.",
    ),
    "search": Purpose(
        "Search",
        "Finds accounts, people, business areas, use cases, updates and pages. What you opened "
        "lately comes first.",
    ),
    "people": Purpose("People", "Everybody whom accounts, use cases and updates name."),
    "person": Purpose("A person", "All that names this person: accounts, use cases and updates."),
    "areas": Purpose("Business areas", "The areas of all accounts, with their usual IT partner."),
    "area": Purpose("A business area", "Its teams, platforms, people and latest updates."),
    "me": Purpose("Mine", "Which accounts are yours: those that name you, and those you follow."),
    "digest": Purpose(
        "Digest",
        "What changed in your accounts since the last digest, and what needs attention. Choose "
        "here whether you get it by mail.",
    ),
    "admin-tools": Purpose(
        "Admin tools", "The state of the system, and the ways in and out for data."
    ),
    "set-up": Purpose("Set-up", "Creates the tables, or brings them up to date."),
    "import": Purpose("Import", _IMPORT),
    "import-job": Purpose("An import", _IMPORT),
    "import-mappings": Purpose(
        "Mappings of imports", "How files were read before. Files with the same headings begin so."
    ),
    "export": Purpose(
        "Export", "All data as files: to keep, to open elsewhere, or to import again."
    ),
    "integrity": Purpose(
        "Integrity",
        "Looks for rows that break the rules, such as two with one key, and repairs what can be "
        "repaired.",
    ),
    "integrity-repair": Purpose(
        "Repair", "Shows the rows that break a rule, and what mends them."
    ),
}
