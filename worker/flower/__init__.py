"""Flower as we let it be seen: who may do what, what a task says of itself, and the way to the console."""
