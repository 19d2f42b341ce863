"""The way to Celery's broker: its address, its queues, and whether it can be used."""
