"""Helpers for web frameworks, one module each. None is imported unless a shop does."""
