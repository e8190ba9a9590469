"""The mixing engine."""
