"""Time, pitch, keys, chords, form, notes."""
