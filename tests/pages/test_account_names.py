"""The accounts that the field of an account's name suggests."""

from __future__ import annotations

from django.test import Client

from .html import HTMX, parsed


def test_accounts_are_suggested_by_the_beginning_of_a_name(
    client: Client, claims_account: str
) -> None:
    options = parsed(client.get("/account-names/?account=cla", **HTMX)).select("option")
    assert [(each["value"], each.get_text()) for each in options] == [(claims_account, "Claims")]
    assert not parsed(client.get("/account-names/?account=")).select("option")
