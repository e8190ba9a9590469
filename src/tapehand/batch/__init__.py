"""Many songs at once."""
