"""The mastering engine."""
