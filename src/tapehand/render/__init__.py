"""Song and audio in; stems and mix out."""
