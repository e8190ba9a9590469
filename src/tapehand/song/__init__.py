"""The nouns: what a song is and how it changes."""
