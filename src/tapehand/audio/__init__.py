"""Sound in memory and on disk. ``io`` is the only door to audio files."""

from tapehand.audio.buffer import Audio

__all__ = ["Audio"]
