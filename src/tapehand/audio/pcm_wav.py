"""Plain PCM WAV read by ourselves: positioned reads of a block, and a kernel that spreads it over the channels.

Only files whose header leaves no doubt are taken (RIFF, RF64, BW64; 16, 24, 32 bits or float; plain or extensible);
everything else is left to libsndfile. A file is never mapped: one that shrinks while it is read ends early, as damage,
where a mapped one would end the process. Nothing is allocated by a number from the file beyond what lies on the disk.
"""

import os
import struct
import threading
import weakref
from pathlib import Path
from typing import Final, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.buffer import Samples
from tapehand.audio.facts import FileFacts
from tapehand.audio.headers import UNKNOWN_SIZES, chunks
from tapehand.audio.refusals import no_sound, not_finite, refuse_unusable, shrunk, unreadable
from tapehand.audio.wav import EXTENSIBLE_TAG, FLOAT_TAG, PCM_TAG, SUBFORMAT_TAIL
from tapehand.errors import InternalError
from tapehand.kernels.pcm import CODE_BYTES, Coding, spread

# Stays in the second-level cache while it becomes samples.
BLOCK_BYTES: Final = 1 << 18
LONG_SIZE: Final = 0xFFFFFFFF
CODINGS: Final = {(PCM_TAG, 16): "PCM_16", (PCM_TAG, 24): "PCM_24", (PCM_TAG, 32): "PCM_32", (FLOAT_TAG, 32): "FLOAT"}
_rooms = threading.local()
CONTAINERS: Final = {b"RIFF": "WAV", b"RF64": "RF64", b"BW64": "BW64"}


class WavLayout(NamedTuple):
    """Where the samples of a WAV file lie and how they are coded; ``announced_samples`` None: the header is silent."""

    container: str
    coding: Coding
    rate_hz: int
    channels: int
    payload_start: int
    announced_samples: int | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * CODE_BYTES[self.coding]


def wav_layout(descriptor: int) -> WavLayout | None:
    """The layout of an open file; None where it is not a WAV that is read here."""
    start = os.pread(descriptor, 12, 0)
    container = CONTAINERS.get(start[:4])
    if container is None or start[8:12] != b"WAVE":
        return None
    coded, long_payload_bytes = None, None
    for chunk in chunks(descriptor):
        if chunk.name == b"fmt " and coded is None:
            coded = _coded(os.pread(descriptor, min(chunk.size, 40), chunk.start))
            if coded is None:
                return None
        elif chunk.name == b"ds64" and container != "WAV":
            long_payload_bytes = _long_size(os.pread(descriptor, 16, chunk.start))
        elif chunk.name == b"data":
            payload_bytes = long_payload_bytes if chunk.size == LONG_SIZE and container != "WAV" else chunk.size
            return _layout(container, coded, chunk.start, payload_bytes)
    return None


class Sound:
    """A plain WAV file, open to be read at any place: by many threads at once, as no place is remembered.

    ``close`` or the end of a ``with`` block lets go of the file.

    Raises
    ------
    InputError
        ``audio.rate_unsupported``, ``audio.channels_unsupported``, ``audio.no_sound``.
    """

    def __init__(self, path: Path, descriptor: int, layout: WavLayout) -> None:
        self.facts = FileFacts(
            path=path,
            container=layout.container,
            subtype=layout.coding,
            rate_hz=layout.rate_hz,
            channels=layout.channels,
            announced_samples=layout.announced_samples,
            end_missing=False,
            lossy=False,
            decoder="tapehand",
        )
        refuse_unusable(self.facts)
        self._descriptor = descriptor
        self._layout = layout
        there = max(0, os.fstat(descriptor).st_size - layout.payload_start) // layout.frame_bytes
        announced = layout.announced_samples
        self.length_samples = there if announced is None else min(there, announced)
        if self.length_samples == 0:
            raise no_sound(path)
        self._closing: weakref.finalize[[int], Self] | None = None

    def owning_its_file(self) -> Self:
        """The same, closing the descriptor when it is closed itself, or no longer in use."""
        self._closing = weakref.finalize(self, os.close, self._descriptor)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    @property
    def rate_hz(self) -> int:
        """Samples per second."""
        return self.facts.rate_hz

    @property
    def channels(self) -> int:
        """Rows of what is read."""
        return self.facts.channels

    def read_into(self, start_sample: int, out: Samples) -> None:
        """Fill ``out`` ``(channels, n)``, or a stretch of longer rows, from ``start_sample`` on; silence outside.

        Raises
        ------
        InputError
            ``audio.not_finite`` with channel and time; ``audio.unreadable`` where the file has become shorter, or
            the disk fails.
        InternalError
            ``audio.layout`` for another number of rows.
        """
        if len(out) != self.channels:
            raise InternalError("audio.layout", f"{self.channels} channels do not fit into {len(out)} rows")
        first = max(start_sample, 0)
        count = max(0, min(start_sample + out.shape[1], self.length_samples) - first)
        before = min(first - start_sample, out.shape[1])
        out[:, :before] = 0.0
        out[:, before + count :] = 0.0
        done = 0
        while done < count:
            got = self.portion(first + done, out[:, before + done : before + count])
            if got == 0:
                raise shrunk(self.facts.path, first + done, self.length_samples)
            done += got

    def portion(self, first: int, out: Samples) -> int:
        """Fill the first columns of ``out`` with what comes in one portion; how many, 0 where the file ends."""
        layout, block = self._layout, _block()
        wanted = min(out.shape[1], len(block) // layout.frame_bytes)
        got = self._read_bytes(block[: wanted * layout.frame_bytes], layout.payload_start + first * layout.frame_bytes)
        count = got // layout.frame_bytes
        bad = spread(block[: count * layout.frame_bytes], layout.coding, out, 0)
        if bad is not None:
            raise not_finite(self.facts, first + bad.frame, bad.channel)
        return count

    def close(self) -> None:
        """Let go of the file; once is enough."""
        self._descriptor = -1
        if self._closing is not None:
            self._closing()

    def _read_bytes(self, block: NDArray[np.uint8], place: int) -> int:
        """How many bytes really came: fewer only where the file ends, whatever its size was before."""
        got = 0
        while got < block.size:
            try:
                more = os.preadv(self._descriptor, [block.data[got:]], place + got)
            except OSError as error:
                raise unreadable(self.facts.path, error) from None
            if more == 0:
                break
            got += more
        return got


class PcmWavSource:
    """The samples of a plain WAV file one after the other, in any portion; a file that becomes shorter ends early."""

    stopped = False

    def __init__(self, sound: Sound) -> None:
        self.facts = sound.facts
        self.remaining_samples = sound.length_samples
        self._sound = sound
        self._position = 0

    @property
    def has_sound(self) -> bool:
        """Whether anything is left to come."""
        return self.remaining_samples > 0

    def fill(self, out: Samples, start: int) -> int:
        """Write the next samples into ``out``; see ``Source``."""
        wanted = min(out.shape[1] - start, self.remaining_samples)
        count = self._sound.portion(self._position, out[:, start : start + wanted])
        self._position += count
        self.remaining_samples = self.remaining_samples - count if count else 0
        return count

    def skip(self, length_samples: int) -> int:
        """Go on so many samples later, or at the end; how many that were."""
        skipped = min(length_samples, self.remaining_samples)
        self._position += skipped
        self.remaining_samples -= skipped
        return skipped

    def checksum_met(self) -> bool:
        """WAV carries no checksum."""
        return True

    def close(self) -> None:
        """Nothing is held: who opened the file closes it."""


def _block() -> NDArray[np.uint8]:
    """Room of the running thread for the bytes of one portion."""
    if not hasattr(_rooms, "block"):
        _rooms.block = np.empty(BLOCK_BYTES, dtype=np.uint8)
    block: NDArray[np.uint8] = _rooms.block
    return block


class _Coded(NamedTuple):
    coding: Coding
    rate_hz: int
    channels: int


def _coded(fields: bytes) -> _Coded | None:
    """What a format chunk says, where it is one of ours and its numbers agree."""
    if len(fields) < 16:
        return None
    tag, channels, rate_hz, _rate_bytes, frame_bytes, bits = struct.unpack_from("<HHIIHH", fields)
    if tag == EXTENSIBLE_TAG:
        if len(fields) < 40 or fields[26:40] != SUBFORMAT_TAIL:
            return None
        tag = struct.unpack_from("<H", fields, 24)[0]
    coding = CODINGS.get((tag, bits))
    if coding is None or frame_bytes == 0 or frame_bytes != channels * CODE_BYTES[coding]:
        return None
    return _Coded(cast("Coding", coding), rate_hz, channels)


def _long_size(fields: bytes) -> int | None:
    return int(struct.unpack_from("<Q", fields, 8)[0]) if len(fields) == 16 else None


def _layout(container: str, coded: _Coded | None, start: int, payload_bytes: int | None) -> WavLayout | None:
    """None without a format, and where a size of nought may mean that nobody came back to fill it in."""
    if coded is None or not payload_bytes:
        return None
    frame_bytes = coded.channels * CODE_BYTES[coded.coding]
    announced = None if payload_bytes in UNKNOWN_SIZES else payload_bytes // frame_bytes
    return None if announced == 0 else WavLayout(container, *coded, start, announced)
