"""The doors: what engines, stores and exporters must be."""
