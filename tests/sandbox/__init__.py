"""Promises of the sandbox, checked over real HTTP."""
