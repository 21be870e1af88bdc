"""The texts of the help: what each page is for, and the keyboard shortcuts."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Purpose:
    """What a page is for, in one or two sentences; ``chapter`` is the guide's chapter about it."""

    page: str
    text: str
    chapter: str = ""

    @property
    def anchor(self) -> str:
        """Return the anchor of the chapter in the guide."""
        return re.sub(r"[^\w\- ]", "", self.chapter.lower()).replace(" ", "-")


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
    Shortcut(("Enter",), "In a list, on the box of a selected row: change the selected rows."),
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
    "Who changed what, and when. Here you can revert a change, and bring back what somebody "
    "deleted."
)
_DIFF = "What was added, changed and deleted since a moment that you choose."
_IMPORT = (
    "Brings in rows from files. First comes a preview with a remark on each row that is changed, "
    "skipped or refused."
)

_LIST_OF = "Search, filters and sorting are in the address, so you can share what you see."

_VIEWS = (
    "Lists with their search, filters, order and columns under a name. Everybody sees a view "
    "that you share; only you and administrators change it."
)

# Chapters of docs/guide.md.
_MORNING = "A morning with the CRM"
_ATTENTION = "What needs attention"
_FINDING = "Finding and filtering"
_WRITING = "Writing down what happened"
_MANY = "Changing many rows at once"
_MERGING = "Merging two accounts"
_BACK = "Looking back, and taking back"
_DATA = "Bringing data in and out"
_REPORT = "A report for a VP"
_DIGEST = "The digest"

# By the name of its URL.
PURPOSES = {
    "overview": Purpose(
        "Overview",
        "How many teams there are, how far they are on each platform, and the latest updates. "
        "Each figure leads to the list that it counts.",
        _MORNING,
    ),
    "attention": Purpose(
        "Attention",
        "Records that need action: accounts without recent updates, onboardings that do not move, "
        "missing IT partners and reasons, updates dated in the future.",
        _ATTENTION,
    ),
    "trends": Purpose(
        "Trends", "How the figures have developed, and where they differ.", _MORNING
    ),
    "account-list": Purpose("Accounts", f"Every business team. {_LIST_OF}", _FINDING),
    "use-case-list": Purpose(
        "Use cases", f"What teams want to do on the platforms. {_LIST_OF}", _FINDING
    ),
    "update-list": Purpose("Updates", f"Dated notes about the teams. {_LIST_OF}", _FINDING),
    "report": Purpose(
        "Report",
        "What changed in a period, what is blocked and why, and what comes next: about a VP, an "
        "area, a platform, a saved view or any list of accounts. Made for two pages of paper.",
        _REPORT,
    ),
    "saved-views": Purpose("Saved views", _VIEWS, _FINDING),
    "saved-view": Purpose("A saved view", _VIEWS, _FINDING),
    "saved-view-create": Purpose("Save a view", _VIEWS, _FINDING),
    "saved-view-edit": Purpose("Edit a view", _VIEWS, _FINDING),
    "saved-view-delete": Purpose("Delete a view", _VIEWS, _FINDING),
    "account-detail": Purpose(
        "An account",
        "One team: its platforms, use cases, updates and people. Follow the account to find it "
        "under Mine.",
        _WRITING,
    ),
    "account-create": Purpose(
        "A new account", "Adds a team. Fields that may stay empty say so.", _WRITING
    ),
    "account-edit": Purpose("Edit an account", _RECORD_FORM, _WRITING),
    "use-case-create": Purpose(
        "A new use case", "Adds what the team wants to do on a platform.", _WRITING
    ),
    "use-case-edit": Purpose("Edit a use case", _RECORD_FORM, _WRITING),
    "update-create": Purpose("A new update", "Adds a dated note about the team.", _WRITING),
    "update-edit": Purpose("Edit an update", _RECORD_FORM, _WRITING),
    "account-delete": Purpose(
        "Delete an account",
        "Asks before an account is deleted with its use cases, updates and platform statuses. The "
        "history can bring them back.",
        _BACK,
    ),
    "use-case-delete": Purpose("Delete a use case", _DELETE, _BACK),
    "update-delete": Purpose("Delete an update", _DELETE, _BACK),
    "similar-teams": Purpose(
        "Similar teams",
        "Pairs of accounts that may be one team under two BSNIDs. Compare them, then merge them.",
        _MERGING,
    ),
    "account-merge-with": Purpose(
        "Merge accounts", "Chooses the account that is merged into this one.", _MERGING
    ),
    "account-merge": Purpose(
        "Merge two accounts",
        "Shows two accounts of one team side by side. You choose which value each field keeps. "
        "Use cases, updates and statuses move along.",
        _MERGING,
    ),
    "account-bulk": Purpose("Change accounts", _BULK, _MANY),
    "use-case-bulk": Purpose("Change use cases", _BULK, _MANY),
    "update-bulk": Purpose("Delete updates", _BULK, _MANY),
    "platform-status": Purpose(
        "Set a platform’s status", "Sets how far the team is on the platform, and why.", _WRITING
    ),
    "use-case-status": Purpose(
        "Set a use case’s status", "Sets how far the use case is, and why.", _WRITING
    ),
    "activity": Purpose("Activity", _HISTORY, _MORNING),
    "account-history": Purpose("History", _HISTORY, _BACK),
    "revert": Purpose("Revert a change", "Brings back earlier values, after showing both.", _BACK),
    "diff": Purpose("What changed since", _DIFF, _BACK),
    "account-diff": Purpose("What changed since", _DIFF, _BACK),
    "as-of": Purpose(
        "As of a moment",
        "Shows the whole CRM as it was. Pages of the past can be read and shared, not changed.",
        _BACK,
    ),
    "search": Purpose(
        "Search",
        "Finds accounts, people, business areas, use cases, updates and pages. What you opened "
        "lately comes first.",
        _FINDING,
    ),
    "people": Purpose("People", "All people whom accounts, use cases and updates name.", _FINDING),
    "person": Purpose(
        "A person", "The accounts, use cases and updates that name this person.", _FINDING
    ),
    "rename-person": Purpose(
        "Rename a person", "Changes the name in all rows. A preview shows how many.", _FINDING
    ),
    "rename-area": Purpose(
        "Rename a business area",
        "Changes the name in all accounts. A preview shows how many.",
        _FINDING,
    ),
    "areas": Purpose(
        "Business areas", "The areas of all accounts, with their usual IT partner.", _FINDING
    ),
    "area": Purpose(
        "A business area", "Its teams, platforms, people and latest updates.", _FINDING
    ),
    "me": Purpose(
        "Mine", "Which accounts are yours: those that name you, and those you follow.", _MORNING
    ),
    "guide": Purpose("Guide", "How to work with the CRM, chapter by chapter."),
    "digest": Purpose(
        "Digest",
        "What changed in your accounts since the last digest, and what needs attention. Choose "
        "here whether you get it by mail.",
        _DIGEST,
    ),
    "admin-tools": Purpose(
        "Admin tools", "Configuration, connection check, import, export, integrity and set-up."
    ),
    "set-up": Purpose("Set-up", "Creates the tables, or brings them up to date."),
    "import": Purpose("Import", _IMPORT, _DATA),
    "import-job": Purpose("An import", _IMPORT, _DATA),
    "import-mappings": Purpose(
        "Mappings of imports",
        "Choices for the headings of earlier files. They apply to the next file with the same "
        "headings.",
        _DATA,
    ),
    "export": Purpose(
        "Export", "Downloads all data, to keep, to open elsewhere or to import again.", _DATA
    ),
    "integrity": Purpose(
        "Integrity",
        "Finds rows that break the rules, such as two with the same key, and repairs some of "
        "them.",
    ),
    "integrity-repair": Purpose(
        "Repair", "Shows the rows that break a rule, and how they are repaired."
    ),
}
