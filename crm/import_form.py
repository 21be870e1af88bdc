"""The form of the import page."""

from __future__ import annotations

from pathlib import Path

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from crm.importing.headings import normal
from crm.importing.importer import SKIP, Options
from crm.schema import TABLES

ENDINGS = (".json", ".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".zip")
_CHOICES = (
    ("skip", "Leave them as they are"),
    ("update", "Change them to what the file says"),
    ("fail", "Import nothing at all then"),
)


class ImportForm(forms.Form):
    file = forms.FileField(
        label="File",
        help_text="JSON, CSV, Excel, or a zip of CSV files named after the tables",
        widget=forms.FileInput(attrs={"accept": ",".join(ENDINGS)}),
        error_messages={
            "required": "Choose a file.",
            "empty": "The file is empty.",
            "missing": "Choose a file.",
        },
    )
    on_conflict = forms.ChoiceField(
        label="Rows that are there already and say something else",
        choices=_CHOICES,
        initial=SKIP,
        widget=forms.Select,
    )
    strict = forms.BooleanField(
        label="Import nothing if any row has to be refused", required=False
    )
    headings = forms.CharField(
        label="What headings mean",
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Only where it cannot be told: one per line, such as Team lead=admin",
    )

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if Path(file.name).suffix.lower() not in ENDINGS:
            raise forms.ValidationError(
                f"“{file.name}” is none of these: {', '.join(ENDINGS)}. Choose another file."
            )
        if file.size > settings.EDIP_IMPORT_MAX_MB * 2**20:
            raise forms.ValidationError(
                f"This is larger than {settings.EDIP_IMPORT_MAX_MB} MB. Use manage.py "
                "import_legacy for it, or several files."
            )
        return file

    def clean_headings(self) -> dict[str, str]:
        known = {name for table in TABLES for name in table.names}
        meanings = {}
        for number, line in enumerate(self.cleaned_data["headings"].splitlines(), start=1):
            heading, equals, column = (part.strip() for part in line.rpartition("="))
            if not line.strip():
                continue
            if not equals or not heading or column not in known:
                raise forms.ValidationError(
                    f"Line {number} should read Heading=column, the column one of: "
                    f"{', '.join(sorted(known))}."
                )
            meanings[normal(heading)] = column
        return meanings

    def options(self) -> Options:
        return Options(
            on_conflict=self.cleaned_data["on_conflict"],
            strict=self.cleaned_data["strict"],
            headings=self.cleaned_data["headings"],
        )
