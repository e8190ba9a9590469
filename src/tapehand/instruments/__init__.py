"""Notes, patch and seed in; Audio out."""
