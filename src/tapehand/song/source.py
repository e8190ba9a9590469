"""Source: a recording in the song's audio store, known by its hash."""

from dataclasses import dataclass
from typing import Literal

from tapehand.song.provenance import Provenance

Origin = Literal["original", "generated", "render", "foreign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Audio that is in the store and never changes.

    Parameters
    ----------
    blob : SHA-256 of the file's bytes, in hex; also its name in the store.
    name : the file name it came with.
    media : file suffix without dot, lower case.
    rate_hz, channels, length_samples : as decoded, at its own rate.
    """

    blob: str
    name: str
    media: str
    rate_hz: int
    channels: int
    length_samples: int
    origin: Origin = "original"
    provenance: Provenance | None = None
