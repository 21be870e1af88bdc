"""Sentences on the screen that depend on conditions; unit tests read them without a page."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import get_text_list

from crm.model.schema import UPDATES, Table
from crm.repository.records import mine

# Ends a sentence about tables that are missing; templates/_create-tables.html says so on pages.
CREATE_TABLES = (
    "An administrator can create missing tables on the page Set up, or with “manage.py set_up”"
)


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return ``1 row``, ``1,234 rows``."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def try_again(seconds: int) -> str:
    """Return ``Try again in 45 seconds.``; from two minutes on it rounds up to minutes."""
    if seconds < 120:
        return f"Try again in {counted(seconds, 'second')}."
    return f"Try again in {counted(-(-seconds // 60), 'minute')}."


def not_found(table: Table, key: str, *, is_past: bool = False) -> str:
    """Say that a record does not exist; ``is_past`` on a page as of a moment."""
    if is_past:
        return f"There was no {table.singular} “{key}” at this moment."
    return f"There is no {table.singular} “{key}”. It may have been deleted."


def exists_already(table: Table, similar: str = "") -> str:
    """Say that the key of a new record is in use, or which account has a ``similar`` BSNID."""
    if similar:
        return format_html(
            'The BSNID of account <a href="{}">{}</a> differs only in capitals or blanks.',
            reverse("account-detail", kwargs={"bsnid": similar}),
            similar,
        )
    if not table.parent_key:
        return "An account with this BSNID exists already."
    return (
        f"This {table.singular} was added before, and somebody has changed it since. What you "
        "typed was not saved again."
    )


def nothing_changed(state: str) -> str:
    return f"Nothing changed: {state} already."


def kept(fields: list[str], updated_by: str | None) -> str:
    """Say that somebody else's changes of other fields were kept; empty without any."""
    who, what = updated_by or "Somebody else", get_text_list(fields, "and")
    return f"{who} changed {what} in the meantime; those changes were kept." if fields else ""


def unseen(what: str) -> str:
    """Say that something was saved but is hidden from the person. ``what`` is the sentence's
    subject."""
    return (
        f"{what} was saved, but you do not see it: a row filter hides it from you, or somebody "
        "has deleted it since."
    )


def not_begun(texts: list[str]) -> str:
    """Say that a new account lacks some of its first records, and quote their ``texts``."""
    return f"Not all of this was added to the new account: {'; '.join(texts)}"


def reason_not_kept(reason: str) -> str:
    """Say that a status was saved without its reason, and quote the reason; if it is empty, say
    that the earlier reason was not removed."""
    if not reason:
        return (
            "The reason was not removed: the table “operations” is missing, or you may not write "
            "to it. An administrator can grant you MODIFY on it."
        )
    return (
        "The reason was not kept: the table “operations” is missing, or you may not write to it. "
        f"{CREATE_TABLES}, or grant you MODIFY on it. The reason was: “{reason}”."
    )


def hidden_status(platform: str) -> str:
    return (
        f"This account has a status for {platform} already, which a row filter hides from you. "
        "Nothing was saved."
    )


STATUS_MASKED = (
    "Nothing was saved: a policy masks statuses, so you cannot set one here. "
    "Save again to add the update alone."
)


def status_changed(platform: str, status: str, updated_by: str | None) -> str:
    """Say that somebody else changed the status that the composer was going to set."""
    return (
        f"{updated_by or 'Somebody'} set {platform} to “{status}” in the meantime. Nothing was "
        "saved yet; saving again sets your status and adds your update."
    )


def only_status_set(platform: str, status: str) -> str:
    """Say that the composer set the status; the update had been saved before."""
    return f"{platform} is now {status}. {exists_already(UPDATES)}"


def account_gone(bsnid: str) -> str:
    return (
        f"You see no account “{bsnid}” any more: it was deleted, or a row filter hides it from "
        "you. The update was not saved. You can still copy what you typed."
    )


def own_settings_refused(table: Table) -> str:
    """Say which right a person lacks to change their own settings in a table."""
    return (
        f"Nothing was saved: you may not write to the table “{table.name}”. Ask the owner of the "
        "data to grant you MODIFY on it."
    )


def own_settings_missing() -> str:
    return f"Nothing was saved: the tables “people” and “follows” are missing. {CREATE_TABLES}."


def record_gone(table: Table) -> str:
    return (
        f"The {table.singular} was deleted, or a row filter hides it from you now. "
        "Nothing was saved."
    )


def status_gone(platform: str) -> str:
    return (
        f"The status for {platform} that you saw was deleted, or a row filter hides it from you "
        "now. Nothing was saved."
    )


def whom_to_ask(*, is_by_grants: bool) -> str:
    """Say whom to ask for the right to edit. ``is_by_grants``: grants decide who may write."""
    if is_by_grants:
        who = "ask the owner of the data to grant you MODIFY on the tables of EDIP CRM"
    else:
        who = "ask an administrator to add you to EDIP_EDITORS"
    return f"If you need to edit, {who}."


def conflict_heading(table: Table, conflicts: int) -> str:
    if not conflicts:
        return f"This {table.singular} keeps changing"
    return f"The same {'field was' if conflicts == 1 else 'fields were'} changed in the meantime"


def conflict_advice(conflicts: int, kept: bool) -> str:
    """Say what to do about conflicts. ``kept``: others also changed further fields."""
    if not conflicts:
        return "Nothing of yours is lost. Check the form, then save again."
    choose = "Choose which value to keep for " + ("this field" if conflicts == 1 else "each field")
    rest = "; changes to other fields are already in the form" if kept else ""
    return f"Nothing of yours is lost. {choose}{rest}."


def keep_theirs(updated_by: str | None, me: str) -> str:
    """Return the label of the choice that keeps the saved value, which ``me`` may have saved."""
    if updated_by == me:
        return "Keep what you saved elsewhere"
    return f"Keep what {updated_by or 'somebody else'} saved"


def changed_meanwhile(table: Table) -> str:
    """Say why an unfinished deletion does not continue by itself."""
    text = (
        f"Somebody changed this {table.singular} since you began to delete it, or brought it "
        "back. Decide again."
    )
    if table.parent_key:
        return text
    return f"{text} What belonged to it may be deleted; its history can bring that back."


def deleted(table: Table, filtered: Collection[Table], *, is_undoable: bool) -> str:
    """Say that a record was deleted; children in ``filtered`` tables may still exist."""
    text = f"The {table.singular} was deleted."
    if filtered:
        plurals = get_text_list([each.plural for each in filtered], "and")
        text = f"{text} Its {plurals} that a row filter hides from you, if any, are still there."
    if not is_undoable:
        text = f"{text} {NO_UNDO}"
    return text


def similar_teams(total: int, shown: int, *, are_decided: bool) -> str:
    """Say how many pairs may be one team. ``are_decided``: people decided about other pairs."""
    if not total:
        other = "other " if are_decided else ""
        return (
            f"No {other}two teams of one business area have nearly the same name, and no {other}"
            "two BSNIDs are nearly the same."
        )
    pairs = "1 pair of accounts" if total == 1 else f"{total:,} pairs of accounts"
    first = f" These are the first {shown}." if shown < total else ""
    why = "one business area and nearly the same name, or nearly the same BSNID"
    return f"{pairs} may be one team: {why}.{first}"


def decided(one: str, other: str, *, is_again: bool) -> str:
    """Say which decision about two accounts was saved."""
    if is_again:
        return f"{one} and {other} may be one team again."
    return f"{one} and {other} are two teams, so they are not shown as similar any more."


def not_decided(bsnid: str) -> str:
    """Say why no decision was saved: the pair has no account with this BSNID."""
    return f"There is no account “{bsnid}” that you can see, so no decision was saved."


NOT_REMEMBERED = (
    "No decision was saved: the table “operations”, or the right to write to it, is missing. Ask "
    "an administrator."
)


def hidden_children(hidden: Mapping[Table, int]) -> str:
    """Say why an account was not deleted: a row filter hides this many of its children."""
    counts = [counted(n, table.singular, table.plural) for table, n in hidden.items()]
    return (
        f"Nothing was deleted. A row filter hides {get_text_list(counts, 'and')} of this account "
        "from you, which would be left without an account. Ask somebody who sees all of it."
    )


def nothing_to_delete(table: Table, key: str) -> str:
    return f"There is no {table.singular} “{key}” that you can see, so nothing was deleted now."


CHANGED_AGAIN = (
    "Others kept changing this use case, so your status was not saved, and the status is as "
    "before. Save yours again."
)
NO_UNDO = "You cannot undo this here, because a policy protects the tables."


def names_left_out(count: int) -> str:
    """Say how many of the names that a person typed as their own were not saved."""
    return (
        f"The last {counted(count, 'name')} {'was' if count == 1 else 'were'} not saved: you can "
        f"have {mine.NAMES_AT_MOST} names, with {mine.LENGTH_AT_MOST:,} characters in all."
    )
