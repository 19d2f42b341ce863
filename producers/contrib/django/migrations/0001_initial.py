"""The outbox."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.CharField(max_length=200)),
                ("destination", models.CharField(max_length=32)),
                ("account", models.CharField(max_length=256)),
                ("order_key", models.CharField(blank=True, default="", max_length=64)),
                ("event", models.TextField()),
                ("made_at", models.BigIntegerField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_error", models.TextField(blank=True, default="")),
                ("refused", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name": "event in the outbox",
                "verbose_name_plural": "events in the outbox",
                "indexes": [
                    models.Index(fields=["refused", "id"], name="rokt_outbox_waiting"),
                    models.Index(fields=["order_key", "id"], name="rokt_outbox_order"),
                ],
            },
        ),
    ]
