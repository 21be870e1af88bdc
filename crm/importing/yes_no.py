"""Yes and no instead of the status of a platform."""

from __future__ import annotations

from typing import Any

from crm.model import vocabulary

# Also as Excel and people write them in other languages.
_YES = {
    *("y", "yes", "true", "✓", "✔", "☑", "j", "ja", "wahr", "oui", "vrai", "si", "sí", "sì"),
    *("verdadero", "vero", "sim", "verdadeiro", "tak", "prawda", "waar", "sant", "sand", "sann"),
}
_NO = {
    *("n", "no", "false", "✗", "✘", "☐", "nein", "falsch", "non", "faux", "falso", "não"),
    *("nie", "fałsz", "nee", "onwaar", "nej", "nei", "falskt", "falsk", "usann"),
}


def status_of(value: Any) -> str:
    """Return the status that yes or no stands for; empty for any other value."""
    word = str(value).strip().lower()
    if word in _YES:
        return vocabulary.COMPLETED
    return vocabulary.NOT_STARTED if word in _NO else ""
