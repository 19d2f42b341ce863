"""What became of one event, told to a person."""
