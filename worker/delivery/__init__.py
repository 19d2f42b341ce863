"""Claim, send, settle: what a task does with the batches of one slot."""
