"""What a file is read through: whoever decodes it, a source fills rows of samples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import external, headers
from tapehand.audio.buffer import Samples
from tapehand.audio.facts import FileFacts
from tapehand.audio.flac import FlacChecksum
from tapehand.audio.refusals import not_finite, refuse_unusable
from tapehand.kernels.pcm import spread

# Decoders give float32 blocks ``(samples, channels)``; this order exists nowhere else.
Frames = NDArray[np.float32]
FFMPEG_BLOCK_SAMPLES: Final = 1 << 16


class Source(Protocol):
    """An open file, read once from start to end."""

    facts: FileFacts

    @property
    def stopped(self) -> bool:
        """Whether the decoder gave up inside the file."""
        ...

    @property
    def has_sound(self) -> bool:
        """Whether anything is left to come, as far as is known."""
        ...

    @property
    def remaining_samples(self) -> int | None:
        """How many samples per channel can still come at most; None where only reading tells."""
        ...

    def fill(self, out: Samples, start: int) -> int:
        """Write the next samples into ``out`` ``(channels, n)`` from column ``start``; how many, 0 at the end.

        Raises
        ------
        InputError
            ``audio.not_finite`` with channel and time.
        """
        ...

    def checksum_met(self) -> bool:
        """Whether the sound is what was encoded, as far as the file can tell; asked at the end."""
        ...

    def close(self) -> None:
        """Let go of whatever decodes."""
        ...


class Decoder(Protocol):
    """Somebody else's code that decodes: ``blocks`` gives what it really got, none of them empty."""

    facts: FileFacts
    stopped: bool

    @property
    def blocks(self) -> Iterator[Frames]:
        """Float32 ``(samples, channels)``."""
        ...

    def close(self) -> None:
        """Stop decoding."""
        ...


class DecodedSource:
    """The samples of a decoder, in any portion. Opening takes its first block: an empty one has no sound."""

    remaining_samples = None

    def __init__(self, decoder: Decoder, checksum: FlacChecksum | None = None) -> None:
        self.facts = decoder.facts
        self._decoder = decoder
        self._checksum = checksum
        self._position = 0
        self._block = self._next_block()

    @property
    def stopped(self) -> bool:
        """Whether the decoder gave up inside the file."""
        return self._decoder.stopped

    @property
    def has_sound(self) -> bool:
        """Whether anything is left to come."""
        return self._block is not None

    def fill(self, out: Samples, start: int) -> int:
        """Write the next samples into ``out``; see ``Source``."""
        if self._block is None:
            return 0
        count = int(min(len(self._block), out.shape[1] - start))
        frames, self._block = self._block[:count], self._block[count:]
        bad = spread(frames.reshape(-1).view(np.uint8), "FLOAT", out, start)
        if bad is not None:
            raise not_finite(self.facts, self._position + bad.frame, bad.channel)
        self._position += count
        if not len(self._block):
            self._block = self._next_block()
        return count

    def checksum_met(self) -> bool:
        """Whether the sound is what was encoded."""
        return self._checksum is None or self._checksum.is_met()

    def close(self) -> None:
        """Stop the decoder."""
        self._decoder.close()

    def _next_block(self) -> Frames | None:
        block = next(self._decoder.blocks, None)
        if block is not None and self._checksum is not None:
            self._checksum.feed(block)
        return block


class FfmpegDecoder:
    """A file decoded by an installed ffmpeg; ``content`` is what its first bytes look like."""

    stopped = False

    def __init__(self, path: Path, content: str) -> None:
        demuxer = headers.FFMPEG_DEMUXERS[content]
        found = external.probe(path, demuxer)
        self.facts = FileFacts(
            path=path,
            container=content,
            subtype=found.codec,
            rate_hz=found.rate_hz,
            channels=found.channels,
            announced_samples=found.announced_samples,
            end_missing=False,
            lossy=found.lossy,
            decoder="ffmpeg",
        )
        refuse_unusable(self.facts)
        self.blocks = external.decode(path, demuxer, found.channels, FFMPEG_BLOCK_SAMPLES)

    def close(self) -> None:
        """End the process."""
        self.blocks.close()
