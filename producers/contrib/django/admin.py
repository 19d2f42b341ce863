"""The outbox in Django's admin: to look at, and nothing that says who somebody is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from producers.contrib.django.models import OutboxEvent


@admin.register(OutboxEvent)
class OutboxEventAdmin(admin.ModelAdmin):
    list_display = ("id", "event_id", "destination", "account", "created_at", "attempts", "refused")
    fields = readonly_fields = (*list_display, "last_error")
    list_filter = ("destination", "refused")
    search_fields = ("event_id",)
    ordering = ("id",)

    def has_add_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        return False
