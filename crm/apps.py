from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings

from crm.model import configuration
from crm.warehouse import load_sign_in


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "EDIP CRM"

    def ready(self) -> None:
        configuration.use(settings)
        load_sign_in(settings.WAREHOUSE)
