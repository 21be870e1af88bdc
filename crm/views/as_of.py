"""Choosing the moment as of which the app is shown."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm import moments
from crm.views import pages

AGO = {
    "hour": ("An hour ago", dt.timedelta(hours=1)),
    "day": ("A day ago", dt.timedelta(days=1)),
    "week": ("A week ago", dt.timedelta(days=7)),
    "month": ("30 days ago", dt.timedelta(days=30)),
}


class MomentForm(forms.Form):
    """A moment in the reader's time zone."""

    moment = forms.DateTimeField(
        label="Date and time",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}),
        error_messages={"invalid": "This is no date and time, such as 2026-11-20 09:30."},
    )


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Leads to the page ``next`` as of ``moment``, or as of so long ago (``ago``)."""
    target = pages.local_url(request, "/")
    if (ago := request.GET.get("ago")) in AGO:
        moment = timezone.now().replace(microsecond=0) - AGO[ago][1]
        return HttpResponseRedirect(moments.address(moment, target))
    form = MomentForm(request.GET if "moment" in request.GET else None)
    if form.is_valid():
        return HttpResponseRedirect(moments.address(form.cleaned_data["moment"], target))
    context = {"form": form, "choices": AGO, "target": target}
    return render(request, "as_of/choose.html", context, status=422 if form.is_bound else 200)
