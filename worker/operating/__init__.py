"""What operators see of the buffer, and what they do to it."""
