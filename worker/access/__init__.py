"""Whose credentials and tokens a request carries."""
