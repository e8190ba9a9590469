"""The nouns: what a song is, what can change it, and the log it is folded from. Standard library only."""
