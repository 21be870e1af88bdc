"""The form of the composer on an account's page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.http import QueryDict

from crm.model import schema

from .fields import field_for, reason_field
from .records import UpdateForm


class ComposerForm(UpdateForm):
    """A new update and, unless ``has_status`` is False, a new status of its platform."""

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
        masked: Collection[str] = (),
        has_status: bool = True,
        is_focused: bool = False,
    ) -> None:
        super().__init__(data, new=True, initial=initial, masked=masked)
        self.auto_id = "composer_%s"
        # A drawer over the page may have the same field, so the ids must differ.
        suggested = self.fields["author"].widget.attrs if "author" in self.fields else {}
        if "list" in suggested:
            suggested["list"] = f"composer-{suggested['list']}"
        self.drop_autofocus()
        text = self.fields["description"].widget.attrs
        text |= {"rows": 2} | ({"autofocus": True} if is_focused else {})
        if has_status:
            status = field_for(schema.PLATFORMS_STATUS.column("status"))
            status.label, status.required = "Its new status", False
            self.fields |= {"status": status, "reason": reason_field()}

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("status") and "platform" in given and not given["platform"]:
            self.add_error("platform", "Choose the platform that gets this status.")
        if given.get("reason") and "status" in given and not given["status"]:
            self.add_error("status", "Choose the status that this is the reason for.")
        return given
