"""How a worker starts, looks for work, shows that it lives, and ends."""
