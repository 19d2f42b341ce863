"""A person's events leave every place where they wait."""
