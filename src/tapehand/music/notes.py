"""Notes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Note:
    """One note; ticks count from the start of the region that holds it.

    Parameters
    ----------
    start_tick : position, 0 or later. The feel of a player (early, late) is in here, not beside it.
    length_ticks : duration, 1 or more.
    pitch : MIDI number 0..127; drum machines use the General MIDI drum map.
    velocity : 1..127.
    glide_ticks : time the pitch takes to slide here from the note before; 0 is no glide.
    """

    start_tick: int
    length_ticks: int
    pitch: int
    velocity: int = 100
    glide_ticks: int = 0

    @property
    def end_tick(self) -> int:
        """The first tick after it."""
        return self.start_tick + self.length_ticks
