"""The form of the import page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from crm.importing.importer import FAIL, SKIP, UPDATE, Options
from crm.importing.readers import file_kind
from crm.importing.rows import CLEAR, KEEP

ENDINGS = (*file_kind.ENDINGS, ".zip")
_CHOICES = (
    (SKIP, "Leave them as they are"),
    (UPDATE, "Change them to the values in the file"),
    (FAIL, "Import nothing at all"),
)
EMPTY_CHOICES = (
    ("", "Depends on the file"),
    (KEEP, "Keep what is stored"),
    (CLEAR, "Clear what is stored"),
)
TOO_LARGE = (
    "The file is larger than {} MB. Use “manage.py import_legacy”, which takes any size, or "
    "several files."
)


class ImportForm(forms.Form):
    file = forms.FileField(
        label="File",
        widget=forms.FileInput(attrs={"accept": ",".join(ENDINGS)}),
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty.",
            "missing": "Choose a file.",
        },
    )
    on_conflict = forms.ChoiceField(
        label="Rows that already exist with different values",
        choices=_CHOICES,
        initial=SKIP,
        widget=forms.Select,
    )
    empty = forms.ChoiceField(
        label="Empty cells in the file",
        choices=EMPTY_CHOICES,
        required=False,
        widget=forms.Select,
    )
    strict = forms.BooleanField(label="Import nothing if any row is refused", required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].help_text = (
            "JSON, CSV, Excel, or a zip of CSV files named after the tables; "
            f"up to {settings.EDIP_IMPORT_MAX_MB} MB"
        )

    def clean_file(self) -> UploadedFile[bytes]:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if Path(file.name or "").suffix.lower() not in ENDINGS:
            raise forms.ValidationError(
                f"“{file.name}” cannot be imported. Choose one of these: {', '.join(ENDINGS)}."
            )
        if (file.size or 0) > settings.EDIP_IMPORT_MAX_MB * 2**20:
            raise forms.ValidationError(TOO_LARGE.format(settings.EDIP_IMPORT_MAX_MB))
        return file

    def options(self) -> Options:
        return Options(
            on_conflict=self.cleaned_data["on_conflict"],
            strict=self.cleaned_data["strict"],
            empty=self.cleaned_data["empty"],
        )
