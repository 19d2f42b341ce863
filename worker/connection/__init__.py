"""The worker's connections to Redis."""
