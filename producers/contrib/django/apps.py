"""The app, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed

from producers.contrib.django.producer import settings_changed, settings_check


class ForwarderConfig(AppConfig):
    name = "producers.contrib.django"
    label = "rokt_forwarder"
    verbose_name = "Rokt event forwarder"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register(settings_check)
        setting_changed.connect(settings_changed)
