"""libsndfile: the only place that knows it. A stream of frames out of a foreign file, and FLAC into one of ours.

Imported when a file needs it, not before: who works with plain WAV never loads it.
"""

from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from tapehand.audio.facts import NotReadable, Told

CONTAINERS: Final = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC", "OGG", "MP3"}
# A decoder that fails loses the block it was in, so those that can fail inside a file are read in small ones.
STURDY_BLOCK_SAMPLES: Final = 1 << 16
FRAGILE_BLOCK_SAMPLES: Final = 1 << 12


class Stream:
    """An open file read strictly forwards. The descriptor stays the caller's."""

    def __init__(self, descriptor: int) -> None:
        try:
            self._file = _ForwardFile(descriptor, closefd=False)
        except soundfile.SoundFileError as error:
            raise NotReadable from error
        self.told = Told(
            self._file.format, self._file.subtype, self._file.samplerate, self._file.channels, self._file.frames
        )
        if self.told.container not in CONTAINERS:
            self._file.close()
            raise NotReadable(self.told.container)
        sturdy = not self.told.is_lossy and self.told.container != "FLAC"
        self.block_samples = STURDY_BLOCK_SAMPLES if sturdy else FRAGILE_BLOCK_SAMPLES

    def read_into(self, frames: NDArray[np.float32]) -> int | None:
        """Fill ``frames`` ``(samples, channels)``; how many came, 0 at the end, None where decoding failed."""
        try:
            return int(self._file.buffer_read_into(frames, "float32"))
        except soundfile.SoundFileError:
            return None

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """No seek after every block, which some damaged files do not survive."""

    def seekable(self) -> bool:
        return False


class FlacEncoder:
    """FLAC of 16 or 24 bits into an open file."""

    def __init__(self, descriptor: int, rate_hz: int, channels: int, subtype: str) -> None:
        self._descriptor = descriptor
        self._channels = channels
        self._file = soundfile.SoundFile(
            descriptor, "w", samplerate=rate_hz, channels=channels, subtype=subtype, format="FLAC", closefd=False
        )

    def write(self, codes: NDArray[np.int32]) -> bool:
        """Append interleaved integers, in the upper bits of 32; False where they could not be written."""
        try:
            self._file.write(codes.reshape(-1, self._channels))
        except (soundfile.SoundFileError, AssertionError):  # soundfile asserts on a short write
            return False
        return True

    def close(self) -> None:
        """End the stream. The encoder reports no failure of its last write: ask ``stored_samples``."""
        self._file.close()


def stored_samples(descriptor: int) -> int | None:
    """The length that an open file tells libsndfile, None where it is not readable."""
    try:
        with soundfile.SoundFile(descriptor, closefd=False) as file:
            return int(file.frames)
    except soundfile.SoundFileError:
        return None
