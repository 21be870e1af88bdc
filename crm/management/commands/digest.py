from __future__ import annotations

import datetime as dt
import hashlib
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils import timezone

from crm.digest import chat, delivery, mail, sending
from crm.digest.content import Digest
from crm.digest.delivery import Refused, Send
from crm.digest.sending import Outcome
from crm.repository.records import digests
from crm.repository.records.account_filter import AccountFilter
from crm.repository.records.digests import DAILY, WEEKLY, Recipient
from crm.repository.tables import privileges
from crm.views import _digest
from crm.warehouse import Warehouse, now
from crm.warehouse.errors import ObjectNotFound, WarehouseError

from . import _digest_files, _digest_of, _namespace, _stopping
from ._digest_of import Of


class Command(BaseCommand):
    help = (
        "Send each person who wants it, and a chat, what changed and what needs attention. Run it "
        "daily: each digest is sent once per day or week, however often this runs. Exit code 1 if "
        "one was not sent, or if that is unclear."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        _namespace.add_arguments(parser)
        only = "the chat's digest is only about accounts of this "
        parser.add_argument("--vp", help=f"{only}VP")
        parser.add_argument("--area", help=f"{only}business area")
        parser.add_argument("--partner", help=f"{only}IT partner")
        parser.add_argument("--view", metavar="ID", help=f"{only}saved view")
        parser.add_argument(
            "--every",
            choices=(DAILY, WEEKLY),
            default=WEEKLY,
            help="how often the chat gets it (default: %(default)s)",
        )
        parser.add_argument(
            "--output", type=Path, metavar="FOLDER", help="write files there, send nothing"
        )
        parser.add_argument(
            "--unclear",
            choices=(sending.RESEND, sending.WAS_SENT),
            default="",
            help="for digests of which it is unclear whether they were sent, after you have "
            "looked: send them again, or note that they were sent",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wh = _namespace.warehouse(options)
        self.home = settings.EDIP_APP_URL.rstrip("/")
        self.every: str = options["every"]
        try:
            self.of_chat = _digest_of.accounts(wh, options)
            self.chat = self._name_of_chat(options["output"])
            self.is_short = settings.EDIP_DIGEST_SHORT or bool(
                privileges.filtered_tables(wh) or privileges.masked_columns(wh)
            )
            recipients = digests.recipients(wh, self.chat)
        except ObjectNotFound as error:
            raise CommandError("A table of the CRM's own is missing: run set_up.") from error
        except WarehouseError as error:
            raise CommandError(str(error)) from error
        if not recipients:
            self.stdout.write("Nobody asked for a digest, and there is no webhook of a chat.")
        elif options["output"]:
            self._write(wh, recipients, options["output"])
        else:
            went_well = [
                self._send(wh, to, options["unclear"]) for to in _stopping.until(recipients)
            ]
            if not all(went_well):
                sys.exit(1)

    def _write(self, wh: Warehouse, recipients: Iterable[Recipient], folder: Path) -> None:
        try:
            for to in recipients:
                stem = _digest_files.write(folder, to.name, self._load(wh, to), self.home)
                self.stdout.write(f"{to.name}: {stem}, as .txt, .html and .json")
        except (WarehouseError, OSError) as error:
            raise CommandError(str(error)) from error

    def _name_of_chat(self, output: Path | None) -> str:
        """Return the chat's name in the table, which depends on the webhook and the choice of
        accounts. Empty without a chat. Raises CommandError for missing or invalid settings."""
        url = settings.EDIP_DIGEST_WEBHOOK
        if not self.home:
            raise CommandError("EDIP_APP_URL is missing: the app's address, for links to it.")
        if settings.EDIP_DIGEST_CHAT not in chat.FORMS:
            raise CommandError(f"EDIP_DIGEST_CHAT is one of {', '.join(chat.FORMS)}.")
        if url and not delivery.is_webhook(url, may_be_plain=settings.EDIP_PLAIN_HTTP):
            raise CommandError("EDIP_DIGEST_WEBHOOK has to begin with https://.")
        if not url and self.of_chat.key and not output:
            raise CommandError("EDIP_DIGEST_WEBHOOK is missing: the address to post to.")
        which = hashlib.sha256(url.encode()).hexdigest()[:8]
        return f"chat:{which}:{self.of_chat.key or 'all'}" if url or output else ""

    def _send(self, wh: Warehouse, to: Recipient, unclear: str) -> bool:
        """Send one digest, print the result, and return whether it is clear and not a failure."""
        period = digests.period_of(to.every or self.every, timezone.localdate())
        prepare = partial(self._prepare, to.name, sending.key_of(wh, to.name, period))
        if to.period != period and to.state == digests.SENDING:
            self.stdout.write(
                f"{to.name}: it is unclear whether the digest of {to.period} was sent; this one "
                "has the same content again"
            )
        try:
            found = sending.send(wh, to, period, partial(self._load, wh, to), prepare, unclear)
        except (WarehouseError, Refused, ValueError) as error:
            found = Outcome(f"not sent: {error}", is_problem=True)
        style = self.style.ERROR if found.is_problem else str
        self.stdout.write(f"{to.name}, {period}: {style(found.text)}")
        return not found.is_problem

    def _load(self, wh: Warehouse, to: Recipient) -> Digest:
        days = 1 if (to.every or self.every) == DAILY else 7
        since = to.told_until or now() - dt.timedelta(days=days)
        if to.name == self.chat:
            of = self.of_chat
        else:
            of = Of("", "Your accounts", "/digest/", AccountFilter(to.name))
        if self.is_short:
            return Digest("EDIP CRM", of.path, since, now(), is_short=True)
        return _digest.load(wh, of.accounts, since, of.whose, of.path)

    def _prepare(self, name: str, key: str, digest: Digest) -> Send:
        if name == self.chat:
            body = chat.payload(digest, self.home, settings.EDIP_DIGEST_CHAT)
            return partial(delivery.post, settings.EDIP_DIGEST_WEBHOOK, body, key)
        if not settings.EDIP_HAS_MAIL:
            raise Refused("EDIP_EMAIL_URL is missing: the mail server")
        try:
            validate_email(name)
        except ValidationError:
            raise Refused("that is no e-mail address") from None
        return delivery.connect(mail.message(digest, self.home, name, key))
