"""Tapehand: the assistant engineer for people who make records."""

__version__ = "0.1.0"
