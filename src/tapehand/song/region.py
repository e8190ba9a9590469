"""Regions: what lies on a track, and where. Audio and notes are played alike."""

from dataclasses import dataclass

from tapehand.music.notes import Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open stretch ``[start_samples, end_samples)`` of the song, at the song's rate."""

    start_samples: int
    end_samples: int

    @property
    def length_samples(self) -> int:
        """How long it is."""
        return self.end_samples - self.start_samples


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRegion:
    """A stretch of a source placed on a track. All positions and lengths are at the song's rate.

    ``offset_samples`` is where in the source (after conversion to the song's rate) the region begins.
    """

    source: str
    start_samples: int
    length_samples: int
    offset_samples: int = 0
    gain_db: float = 0.0
    fade_in_samples: int = 0
    fade_out_samples: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A sound: an instrument of ``tapehand.instruments`` and the settings that differ from its own."""

    instrument: str
    settings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRegion:
    """Notes with the sound that plays them. ``seed`` decides what a player would do differently at each hit."""

    start_tick: int
    length_ticks: int
    notes: tuple[Note, ...]
    patch: Patch
    seed: int = 0


Region = AudioRegion | NoteRegion
