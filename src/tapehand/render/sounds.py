"""Sound that can be read at any place: in memory, in a file, in the cache, or laid out of regions."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.node import BLOCK_SAMPLES
from tapehand.errors import InternalError
from tapehand.render.cache import Records, RecordWriter

PIECE_SAMPLES: Final = 1 << 16


class Sound(Protocol):
    """A sound of known length that is read where it is needed."""

    @property
    def channels(self) -> int:
        """1 for mono, 2 for stereo."""
        ...

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        ...

    @property
    def length_samples(self) -> int:
        """Samples per channel."""
        ...

    def read_into(self, start_sample: int, out: Samples) -> None:
        """The samples from ``start_sample`` (which may be negative) on into ``out`` ``(channels, n)``.

        Outside of the sound is silence.
        """
        ...


class Sources(Protocol):
    """The recordings of a song, by the hash of their file."""

    def open(self, blob: str) -> Sound | None:
        """A recording to be read in place; None where its format has to be decoded from the start."""
        ...

    def blocks(self, blob: str) -> Iterator[Audio]:
        """A recording from the start, in stretches."""
        ...


class HeldSound:
    """Sound in memory."""

    def __init__(self, audio: Audio) -> None:
        self.audio = audio
        self.channels, self.rate_hz, self.length_samples = audio.channels, audio.rate_hz, audio.length_samples

    def read_into(self, start_sample: int, out: Samples) -> None:
        """As ``Sound``."""
        first, end = within(start_sample, out.shape[1], self.length_samples)
        out[:, :first] = 0.0
        out[:, end:] = 0.0
        out[:, first:end] = self.audio.samples[:, start_sample + first : start_sample + end]


class KeptSound:
    """Sound in the cache, a block of ``BLOCK_SAMPLES`` a record."""

    def __init__(self, records: Records) -> None:
        self._records = records
        facts = records.facts
        self.channels, self.rate_hz, self.length_samples = facts["channels"], facts["rate_hz"], facts["length_samples"]

    def read_into(self, start_sample: int, out: Samples) -> None:
        """As ``Sound``; raises ``LostRecord``."""
        first, end = within(start_sample, out.shape[1], self.length_samples)
        out[:, :first] = 0.0
        out[:, end:] = 0.0
        while first < end:
            number, skipped = divmod(start_sample + first, BLOCK_SAMPLES)
            held = min(BLOCK_SAMPLES, self.length_samples - number * BLOCK_SAMPLES)
            count = min(held - skipped, end - first)
            if count == held:
                self._records.read_into(number, list(out[:, first : first + count]))
            else:
                for row, kept in zip(out, self._records.read(number), strict=True):
                    row[first : first + count] = kept[skipped : skipped + count]
            first += count


class SoundKeeper:
    """Sound on its way into the cache, in stretches of any size."""

    def __init__(self, writer: RecordWriter, channels: int, rate_hz: int) -> None:
        self._writer = writer
        self._waiting = np.empty((channels, BLOCK_SAMPLES), dtype=np.float32)
        self._filled = 0
        self._length = 0
        writer.tell(channels=channels, rate_hz=rate_hz)

    def take(self, samples: Samples) -> None:
        """The next stretch."""
        while samples.shape[1]:
            count = min(samples.shape[1], BLOCK_SAMPLES - self._filled)
            self._waiting[:, self._filled : self._filled + count] = samples[:, :count]
            self._filled += count
            self._length += count
            samples = samples[:, count:]
            if self._filled == BLOCK_SAMPLES:
                self._flush()

    def finish(self) -> None:
        """No more will come."""
        if self._filled:
            self._flush()
        self._writer.tell(length_samples=self._length)

    def _flush(self) -> None:
        self._writer.append(list(self._waiting[:, : self._filled]))
        self._filled = 0


def within(start: int, count: int, length: int) -> tuple[int, int]:
    """Which part of ``count`` samples from ``start`` on lies inside a sound: first and end, counted from ``start``."""
    first = min(max(-start, 0), count)
    return first, max(first, min(count, length - start))


def pieces(sound: Sound, length_samples: int = PIECE_SAMPLES) -> Iterator[Audio]:
    """A sound from start to end, in at least one piece."""
    for start in range(0, max(sound.length_samples, 1), length_samples):
        yield stretch(sound, start, min(start + length_samples, sound.length_samples))


def stretch(sound: Sound, start: int, end: int) -> Audio:
    """The half-open stretch ``[start, end)`` of a sound, in memory."""
    samples = np.empty((sound.channels, end - start), dtype=np.float32)
    sound.read_into(start, samples)
    return Audio(samples, sound.rate_hz)


def whole(sound: Sound) -> Audio:
    """All of a sound, in memory."""
    return stretch(sound, 0, sound.length_samples)


def joined(parts: Iterable[Audio]) -> Audio:
    """Stretches of one sound, in memory."""
    held = list(parts)
    return held[0] if len(held) == 1 else Audio.of(np.concatenate([p.samples for p in held], axis=1), held[0].rate_hz)


class NoSources:
    """For songs that are notes only."""

    def open(self, blob: str) -> Sound | None:
        """Nothing to open."""
        raise InternalError("render.no_source", "A recording is asked for where there are only notes", where=blob[:12])

    def blocks(self, blob: str) -> Iterator[Audio]:
        """Nothing to read."""
        raise InternalError("render.no_source", "A recording is asked for where there are only notes", where=blob[:12])


class HeldSources:
    """Recordings that are given whole, by a function of their hash; each is asked for once."""

    def __init__(self, read: Callable[[str], Audio]) -> None:
        self._read = read
        self._held: dict[str, HeldSound] = {}

    def open(self, blob: str) -> Sound:
        """As ``Sources``."""
        if blob not in self._held:
            self._held[blob] = HeldSound(self._read(blob))
        return self._held[blob]

    def blocks(self, blob: str) -> Iterator[Audio]:
        """As ``Sources``."""
        return pieces(self.open(blob))
