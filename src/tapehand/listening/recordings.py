"""The recordings of one session beside each other: any stretch of any of them, and what is kept small of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.resample import StreamResampler, resample
from tapehand.listening.frames import FrameGrid, Frames, FrameStream

COMPACT_RATE_HZ: Final = 8_000
COMPACT_BLOCK_SAMPLES: Final = 1 << 16
# Edges of the bands in which tracks are compared: wide enough for the shared frames, narrow enough for masking.
BAND_EDGES_HZ: Final = (
    0.0, 90.0, 180.0, 270.0, 360.0, 500.0, 700.0, 1000.0, 1400.0,
    2000.0, 2800.0, 4000.0, 5600.0, 8000.0, 11_300.0, 16_000.0, 24_000.0,
)  # fmt: skip

ReadSpan = Callable[[int, int], Audio]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Compact:
    """What is kept of a recording for comparing it with others: about 24 kB a second.

    Parameters
    ----------
    coded : the sound at 8 kHz as one channel, int16 ``(samples,)``; ``coding_gain`` makes it float.
    bands : power in the bands of ``BAND_EDGES_HZ`` every 10 ms, float32 ``(frames, 16)``.
    frames_per_s : frames of ``bands`` in a second (100, or a little more where 100 does not divide the rate).
    levels : power of all bands every 10 ms, float32 ``(frames,)``; asked for by every track about every other.
    """

    coded: NDArray[np.int16]
    coding_gain: float
    bands: NDArray[np.float32]
    frames_per_s: float
    levels: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", self.bands.sum(axis=1))

    @property
    def mono(self) -> Audio:
        """The sound at 8 kHz, made anew at every call."""
        return Audio((self.coded * np.float32(self.coding_gain))[np.newaxis], COMPACT_RATE_HZ)

    def later(self, start_s: float) -> "Compact":
        """The same with silence before it."""
        samples, frames = round(start_s * COMPACT_RATE_HZ), round(start_s * self.frames_per_s)
        if not samples:
            return self
        return Compact(
            coded=np.concatenate([np.zeros(samples, np.int16), self.coded]),
            coding_gain=self.coding_gain,
            bands=np.concatenate([np.zeros((frames, self.bands.shape[1]), np.float32), self.bands]),
            frames_per_s=self.frames_per_s,
        )


class Recordings(Protocol):
    """Everything that a detector between tracks may ask for. Positions are the song's, at the song's rate."""

    @property
    def names(self) -> Sequence[str]:
        """The tracks' names (or ids), in their order."""
        ...

    @property
    def rate_hz(self) -> int:
        """The session's rate, which ``span`` gives."""
        ...

    def role(self, name: str) -> str:
        """A role of ``catalogue/roles.toml``; ``"unknown"`` where it is not certain enough."""
        ...

    def length_samples(self, name: str) -> int:
        """How long a track is."""
        ...

    def span(self, name: str, start_samples: int, end_samples: int) -> Audio:
        """A stretch of a track as it was recorded, silent where it reaches outside. Costs a read: ask for little."""
        ...

    def compact(self, name: str) -> Compact:
        """What is kept of a track, from the song's start on. Costs nothing."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Track:
    """One track of ``ReadRecordings``."""

    role: str
    length_samples: int
    compact: Compact
    read: ReadSpan


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadRecordings:
    """Recordings whose stretches are read when they are asked for."""

    rate_hz: int
    tracks: Mapping[str, Track]

    @property
    def names(self) -> Sequence[str]:
        """The tracks' names, in their order."""
        return tuple(self.tracks)

    def role(self, name: str) -> str:
        """The role that a track is listened to as."""
        return self.tracks[name].role

    def length_samples(self, name: str) -> int:
        """How long a track is."""
        return self.tracks[name].length_samples

    def span(self, name: str, start_samples: int, end_samples: int) -> Audio:
        """A stretch of a track at the session's rate."""
        return self.tracks[name].read(start_samples, end_samples)

    def compact(self, name: str) -> Compact:
        """What is kept of a track."""
        return self.tracks[name].compact


class Among:
    """Some of the recordings of a session."""

    def __init__(self, recordings: Recordings, names: Sequence[str]) -> None:
        self.names, self.rate_hz = tuple(names), recordings.rate_hz
        self.role, self.length_samples = recordings.role, recordings.length_samples
        self.span, self.compact = recordings.span, recordings.compact


def recordings_of(
    sounds: Mapping[str, Audio], rate_hz: int | None = None, roles: Mapping[str, str] | None = None
) -> ReadRecordings:
    """Recordings of sounds that are at hand, all from the start; converted to ``rate_hz`` where theirs differs."""
    rate_hz = rate_hz or next(iter(sounds.values())).rate_hz
    converted = {name: resample(audio, rate_hz) for name, audio in sounds.items()}
    tracks = {
        name: Track(
            role=(roles or {}).get(name, "unknown"),
            length_samples=audio.length_samples,
            compact=compact_of(audio),
            read=audio.span,
        )
        for name, audio in converted.items()
    }
    return ReadRecordings(rate_hz=rate_hz, tracks=tracks)


def summed(compacts: Sequence[Compact]) -> Compact:
    """What would be kept of the sum of recordings, as far as it can be told: their sounds and their powers added."""
    if len(compacts) == 1:
        return compacts[0]
    frames_per_s = compacts[0].frames_per_s
    courses = [_at_pace(each, frames_per_s) for each in compacts]
    sound = np.zeros(max(each.coded.size for each in compacts), np.float32)
    bands = np.zeros((max(course.shape[0] for course in courses), courses[0].shape[1]), np.float32)
    for each, course in zip(compacts, courses, strict=True):
        sound[: each.coded.size] += each.coded * np.float32(each.coding_gain)
        bands[: course.shape[0]] += course
    return _coded([sound], bands, frames_per_s)


def _at_pace(compact: Compact, frames_per_s: float) -> NDArray[np.float32]:
    """The bands with so many frames a second, the nearest in time taken."""
    if compact.frames_per_s == frames_per_s:
        return compact.bands
    count = round(compact.bands.shape[0] * frames_per_s / compact.frames_per_s)
    nearest = (np.arange(count) * (compact.frames_per_s / frames_per_s)).astype(np.int64)
    bands: NDArray[np.float32] = compact.bands[np.minimum(nearest, compact.bands.shape[0] - 1)]
    return bands


def compact_of(audio: Audio) -> Compact:
    """What is kept of a sound that is at hand."""
    stream, scan = FrameStream(audio.rate_hz), CompactScan(audio.rate_hz)
    for start in range(0, audio.length_samples, COMPACT_BLOCK_SAMPLES):
        block = audio.span(start, min(start + COMPACT_BLOCK_SAMPLES, audio.length_samples))
        scan.feed(stream.feed(block))
    scan.feed(stream.finish())
    return scan.finish()


@dataclass(slots=True)
class CompactScan:
    """Makes what is kept of a recording, in one pass over its blocks."""

    rate_hz: int
    _sound: list[NDArray[np.float32]] = field(default_factory=list)
    _bands: list[NDArray[np.float32]] = field(default_factory=list)
    _resampler: StreamResampler = field(init=False)

    def __post_init__(self) -> None:
        self._resampler = StreamResampler(self.rate_hz, COMPACT_RATE_HZ)

    def feed(self, frames: Frames) -> None:
        """Take the next stretch and the frames that end in it."""
        self._sound.append(self._resampler.feed(frames.sound))
        self._bands.append(frames.bands(BAND_EDGES_HZ))

    def finish(self) -> Compact:
        """What is kept of all that was fed."""
        sound = [*self._sound, self._resampler.finish()]
        bands = np.concatenate(self._bands) if self._bands else np.zeros((0, len(BAND_EDGES_HZ) - 1), np.float32)
        return _coded(sound, bands, self.rate_hz / FrameGrid(rate_hz=self.rate_hz).hop_samples)


def _coded(sound: Sequence[NDArray[np.float32]], bands: NDArray[np.float32], frames_per_s: float) -> Compact:
    """Stretch by stretch, so that the sound of hours is never there twice."""
    gain = max((float(np.abs(stretch).max(initial=0.0)) for stretch in sound), default=0.0) / 32_767.0 or 1.0
    coded = np.empty(sum(stretch.size for stretch in sound), np.int16)
    at = 0
    for stretch in sound:
        coded[at : at + stretch.size] = np.rint(stretch * np.float32(1.0 / gain))
        at += stretch.size
    return Compact(coded=coded, coding_gain=gain, bands=bands, frames_per_s=frames_per_s)
