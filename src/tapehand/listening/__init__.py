"""Facts and findings about recordings."""
