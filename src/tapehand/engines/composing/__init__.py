"""The composing engine."""
