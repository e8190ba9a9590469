"""How well we hear: every subject against truth that was generated apart from what listens, and on real recordings."""
