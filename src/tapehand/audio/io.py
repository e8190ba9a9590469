"""The only door to audio files.

Reading: WAV with RF64 and extensible, AIFF, FLAC, OGG, MP3 and their kin through libsndfile; M4A, AAC and what else
ffmpeg can decode, where it is installed. A length in a header is a claim: what was really decoded counts, and the
difference is told as ``Damage``. Writing: WAV and FLAC, whole or not at all.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from tapehand.audio import external, headers
from tapehand.audio.atomic import AtomicFile
from tapehand.audio.buffer import Audio
from tapehand.audio.dither import TriangularDither, quantise
from tapehand.audio.facts import Damage, DamageReason, FileFacts
from tapehand.audio.flac import FlacChecksum
from tapehand.audio.quiet import native_stderr_muted
from tapehand.audio.refusals import (
    all_finite,
    ffmpeg_needed,
    no_sound,
    not_audio,
    open_regular,
    refuse_format,
    refuse_non_finite,
    refuse_unusable,
)
from tapehand.audio.wav import SAMPLE_BYTES, Subtype, WavShape, header
from tapehand.errors import InternalError
from tapehand.work import Work

BLOCK_SAMPLES: Final = 1 << 16
# A decoder that fails loses the block it was in, so those that can fail inside a file are read in small ones.
FRAGILE_BLOCK_SAMPLES: Final = 1 << 12
CONTAINERS: Final = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC", "OGG", "MP3"}
LOSSLESS_SUBTYPES: Final = ("PCM_", "FLOAT", "DOUBLE", "ALAC_")
# Encoders disagree by a packet or two about padding at the ends: two frames of MP3, two of AAC.
LOSSY_SLACK_SAMPLES: Final = 2_304
Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decoded:
    """All the sound that a file gave, with what was wrong on the way."""

    audio: Audio
    facts: FileFacts
    damage: Damage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: ``clipped`` counts values above full scale that an integer format had to hold there."""

    path: Path
    length_samples: int
    clipped: int


def probe(path: Path) -> FileFacts:
    """Facts of a file without decoding it; raises InputError as ``decode`` does."""
    with Reader(path) as reader:
        return reader.facts


def read(path: Path, work: Work | None = None) -> Audio:
    """All the sound in a file, damaged or not; raises InputError as ``decode`` does."""
    return decode(path, work).audio


def decode(path: Path, work: Work | None = None) -> Decoded:
    """All the sound in a file and what was wrong with it.

    Raises
    ------
    InputError
        ``audio.missing``, ``audio.is_folder``, ``audio.special_file``, ``audio.no_permission``, ``audio.unreadable``,
        ``audio.empty_file``, ``audio.not_audio``, ``audio.ffmpeg_needed``, ``audio.rate_unsupported``,
        ``audio.channels_unsupported``, ``audio.not_finite``, ``audio.no_sound``.
    """
    with Reader(path) as reader:
        parts = []
        for frames in reader.frames():
            parts.append(frames)
            if work is not None:
                work.report("audio.read", reader.decoded_samples, max(reader.facts.announced_samples or 0, 1))
        samples = np.empty((reader.facts.channels, reader.decoded_samples), dtype=np.float32)
        start = 0
        for frames in parts:
            samples[:, start : start + len(frames)] = frames.T
            start += len(frames)
        return Decoded(audio=Audio(samples, reader.facts.rate_hz), facts=reader.facts, damage=reader.damage())


def blocks(path: Path, length_samples: int = BLOCK_SAMPLES) -> Iterator[Audio]:
    """The sound of a file as stretches of ``length_samples`` (the last may be shorter); raises as ``decode`` does."""
    with Reader(path) as reader:
        yield from reader.blocks(length_samples)


class Reader:
    """An open audio file, read once from start to end in a ``with`` block.

    Opening decodes the first block, so that a file with a good header and no sound behind it is refused at the door.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.decoded_samples = 0

    def __enter__(self) -> Self:
        self._descriptor = open_regular(self.path)
        self._source: _LibsndfileSource | _FfmpegSource | None = None
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._source is not None:
            self._source.close()
        os.close(self._descriptor)

    @property
    def facts(self) -> FileFacts:
        """What the file says about itself."""
        assert self._source is not None, "used outside its with block"
        return self._source.facts

    def blocks(self, length_samples: int = BLOCK_SAMPLES) -> Iterator[Audio]:
        """Stretches of exactly ``length_samples``, the last may be shorter."""
        kept: list[Frames] = []
        held = 0
        for frames in self.frames():
            kept.append(frames)
            held += len(frames)
            if held >= length_samples:
                joined = np.concatenate(kept)
                whole = held - held % length_samples
                for start in range(0, whole, length_samples):
                    yield Audio.of(joined[start : start + length_samples].T, self.facts.rate_hz)
                kept, held = [joined[whole:]], held - whole
        if held:
            yield Audio.of(np.concatenate(kept).T, self.facts.rate_hz)

    def frames(self) -> Iterator[Frames]:
        """Blocks ``(samples, channels)`` as they come from the decoder, all finite."""
        assert self._source is not None, "used outside its with block"
        for frames in chain([self._first], self._source.frames):
            refuse_non_finite(frames, self.decoded_samples, self.facts)
            self.decoded_samples += len(frames)
            yield frames

    def damage(self) -> Damage | None:
        """What was wrong, known once all frames were read."""
        assert self._source is not None, "used outside its with block"
        announced, decoded = self.facts.announced_samples, self.decoded_samples
        slack = LOSSY_SLACK_SAMPLES if self.facts.lossy else 0
        reason: DamageReason
        if self._source.stopped:
            reason = "decoder_stopped"
        elif announced is not None and decoded < announced - slack:
            reason = "shorter"
        elif announced is not None and decoded > announced + slack:
            reason = "longer"
        elif self.facts.end_missing:
            reason = "end_missing"
        elif not self._source.checksum_met():
            reason = "checksum"
        else:
            return None
        return Damage(decoded_samples=decoded, announced_samples=announced, reason=reason)

    def _open(self) -> None:
        start = os.read(self._descriptor, 64)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        content = headers.container_by_content(start)
        first = None
        with suppress(soundfile.SoundFileError):
            self._source = _LibsndfileSource(self.path, self._descriptor, content)
            first = next(self._source.frames, None)
        if first is None and content in headers.FFMPEG_DEMUXERS:
            if not external.available():
                raise ffmpeg_needed(self.path, content)
            if self._source is not None:
                self._source.close()
            self._source = _FfmpegSource(self.path, content)
            first = next(self._source.frames, None)
        if self._source is None:
            raise not_audio(self.path, content)
        if first is None:
            raise no_sound(self.path)
        self._first: Frames = first


class _LibsndfileSource:
    """A file decoded by libsndfile; raises SoundFileError where it is none of ours."""

    def __init__(self, path: Path, descriptor: int, content: str | None) -> None:
        self._mute = native_stderr_muted if content in ("MP3", None) else nullcontext
        with self._mute():
            self._stream = _ForwardStream(descriptor, closefd=False)
        container, subtype = self._stream.format, self._stream.subtype
        if container not in CONTAINERS:
            self._stream.close()
            raise soundfile.SoundFileError(f"{container} is not taken")
        claim = headers.announcement(path, container, self._stream.frames)
        self.facts = FileFacts(
            path=path,
            container="WAV" if container == "WAVEX" else container,
            subtype=subtype,
            rate_hz=self._stream.samplerate,
            channels=self._stream.channels,
            announced_samples=claim.length_samples,
            end_missing=claim.end_missing,
            lossy=not subtype.startswith(LOSSLESS_SUBTYPES),
            decoder="libsndfile",
        )
        self.stopped = False
        self._checksum = FlacChecksum.of(path) if container == "FLAC" else None
        refuse_unusable(self.facts)
        self.frames = self._decode()

    def checksum_met(self) -> bool:
        return self._checksum is None or self._checksum.is_met()

    def close(self) -> None:
        with self._mute():
            self._stream.close()

    def _decode(self) -> Iterator[Frames]:
        sturdy = self.facts.subtype.startswith(LOSSLESS_SUBTYPES) and self.facts.container != "FLAC"
        length_samples = BLOCK_SAMPLES if sturdy else FRAGILE_BLOCK_SAMPLES
        while True:
            frames = np.empty((length_samples, self.facts.channels), dtype=np.float32)
            try:
                with self._mute():
                    count = self._stream.buffer_read_into(frames, "float32")
            except soundfile.SoundFileError:
                self.stopped = True
                return
            if count == 0:
                return
            if self._checksum is not None:
                self._checksum.feed(frames[:count])
            yield frames[:count]


class _ForwardStream(soundfile.SoundFile):  # type: ignore[misc]
    """A file read strictly forwards: no seek after every block, which some damaged files do not survive."""

    def seekable(self) -> bool:
        return False


class _FfmpegSource:
    """A file decoded by an installed ffmpeg."""

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
        self.frames = external.decode(path, demuxer, found.channels, BLOCK_SAMPLES)

    def checksum_met(self) -> bool:
        return True

    def close(self) -> None:
        self.frames.close()


def write(
    path: Path,
    audio: Audio,
    subtype: Subtype = "PCM_24",
    *,
    dither_seed: int | None = None,
    overwrite: bool = False,
    work: Work | None = None,
) -> Written:
    """Write ``audio`` as WAV or FLAC by the name's suffix, whole or not at all; parameters and errors as ``Writer``."""
    writer = Writer(
        path,
        rate_hz=audio.rate_hz,
        channels=audio.channels,
        subtype=subtype,
        dither_seed=dither_seed,
        overwrite=overwrite,
        expected_samples=audio.length_samples,
    )
    with writer:
        for start in range(0, audio.length_samples, BLOCK_SAMPLES):
            if work is not None:
                work.report("audio.write", start, audio.length_samples)
            end = min(start + BLOCK_SAMPLES, audio.length_samples)
            writer.write(Audio.of(audio.samples[:, start:end], audio.rate_hz))
    return writer.written


class Writer:
    """An audio file that is written in blocks and gets its name when the ``with`` block ends well.

    Parameters
    ----------
    path : ends in ``.wav`` or ``.flac``; its folder must exist. WAV becomes RF64 beyond 4 GiB.
    subtype : ``PCM_24``, ``PCM_16`` or ``FLOAT`` (WAV only). Values above full scale are held, counted, never wrapped.
    dither_seed : None rounds to the nearest integer; a number adds triangular dither from that seed.
    overwrite : replace a file that is there.
    expected_samples : length if known, to refuse a full disk before starting; it does not bind.

    Raises
    ------
    OutputError
        As ``AtomicFile``, and ``output.format`` for another suffix or a subtype the container cannot hold.
    InternalError
        ``audio.not_finite``: we were about to write a NaN.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate_hz: int,
        channels: int,
        subtype: Subtype = "PCM_24",
        dither_seed: int | None = None,
        overwrite: bool = False,
        expected_samples: int = 0,
    ) -> None:
        self.path = Path(path)
        self.length_samples = 0
        self.clipped = 0
        self._shape = WavShape(rate_hz, channels, subtype)
        self._dither = None if dither_seed is None else TriangularDither(dither_seed)
        refuse_format(self.path, channels, subtype)
        needed_bytes = self._shape.file_bytes(expected_samples) if self.path.suffix.lower() == ".wav" else 0
        self._target = AtomicFile(self.path, overwrite=overwrite, needed_bytes=needed_bytes)

    def __enter__(self) -> Self:
        self._target.__enter__()
        flac = self.path.suffix.lower() == ".flac"
        self._flac = self._open_flac() if flac else None
        if not flac:
            self._guarded_write(header(self._shape, 0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self._finish()
            except BaseException as trouble:
                self._target.__exit__(type(trouble), trouble, trouble.__traceback__)
                raise
        elif self._flac is not None:
            self._flac.close()
        self._target.__exit__(kind, error, trace)

    @property
    def written(self) -> Written:
        """The account of what was written."""
        return Written(path=self.path, length_samples=self.length_samples, clipped=self.clipped)

    def write(self, audio: Audio) -> None:
        """Append ``audio``, which has the channels and rate of this file."""
        if (audio.channels, audio.rate_hz) != (self._shape.channels, self._shape.rate_hz):
            raise InternalError(
                "audio.layout", f"A block of {audio.channels} x {audio.rate_hz} Hz does not fit the file"
            )
        frames = np.ascontiguousarray(audio.samples.T)
        if not all_finite(frames):
            raise InternalError(
                "audio.not_finite", f"A value that is not a number was about to go into {self.path.name}"
            )
        if self._shape.subtype == "FLOAT":
            self._guarded_write(frames.astype("<f4").tobytes())
        else:
            self._write_codes(frames)
        self.length_samples += audio.length_samples

    def _write_codes(self, frames: Frames) -> None:
        codes = quantise(frames, 8 * SAMPLE_BYTES[self._shape.subtype], self._dither)
        self.clipped += codes.clipped
        if self._flac is not None:
            self._write_flac(codes.values)
        elif self._shape.subtype == "PCM_16":
            self._guarded_write(codes.values.astype("<i2").tobytes())
        else:
            self._guarded_write(codes.values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes())

    def _finish(self) -> None:
        if self._flac is not None:
            self._flac.close()
            self._check_flac()
            return
        if self.length_samples * self._shape.frame_bytes % 2:
            self._guarded_write(b"\0")
        self._target.file.seek(0)
        self._guarded_write(header(self._shape, self.length_samples))

    def _guarded_write(self, payload: bytes) -> None:
        try:
            self._target.file.write(payload)
        except OSError as error:
            raise self._target.explain(error) from None

    def _open_flac(self) -> "soundfile.SoundFile":
        shape = self._shape
        return soundfile.SoundFile(
            self._target.file.fileno(),
            "w",
            samplerate=shape.rate_hz,
            channels=shape.channels,
            subtype=shape.subtype,
            format="FLAC",
            closefd=False,
        )

    def _write_flac(self, codes: NDArray[np.int32]) -> None:
        assert self._flac is not None
        shift = 32 - 8 * SAMPLE_BYTES[self._shape.subtype]
        try:
            self._flac.write(np.ascontiguousarray(codes << shift))
        except (soundfile.SoundFileError, AssertionError):  # soundfile asserts on a short write
            raise self._target.explain(OSError(errno.ENOSPC, "no space left")) from None

    def _check_flac(self) -> None:
        """The encoder reports no failure of its last write, so the file must prove its length."""
        descriptor = self._target.file.fileno()
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            with soundfile.SoundFile(descriptor, closefd=False) as check:
                complete = check.frames == self.length_samples
        except soundfile.SoundFileError:
            complete = False
        if not complete:
            raise self._target.explain(OSError(errno.ENOSPC, "no space left"))
