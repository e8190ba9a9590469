"""Campaigns that try to break things, for as long as one likes: ``make torture``."""
