"""The only door to audio files.

Reading: WAV with RF64 and extensible, AIFF, FLAC, OGG, MP3 and their kin through libsndfile; M4A, AAC and what else
ffmpeg can decode, where it is installed. A length in a header is a claim: what was really decoded counts, and the
difference is told as ``Damage``. Writing: WAV and FLAC, whole or not at all.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from tapehand.audio import external, headers
from tapehand.audio.atomic import AtomicFile
from tapehand.audio.buffer import Audio, Samples
from tapehand.audio.dither import TriangularDither
from tapehand.audio.facts import Damage, DamageReason, FileFacts, NotReadable
from tapehand.audio.flac import FlacChecksum
from tapehand.audio.foreign import foreign_decoder
from tapehand.audio.pcm_wav import PcmWavSource, Sound, wav_layout
from tapehand.audio.refusals import ffmpeg_needed, no_sound, not_audio, open_regular, refuse_format
from tapehand.audio.sources import DecodedSource, FfmpegDecoder, Source
from tapehand.audio.tags import Tags
from tapehand.audio.vorbis_comments import put_into_flac
from tapehand.audio.wav import SAMPLE_BYTES, Subtype, WavShape, header
from tapehand.audio.wav_tags import tag_chunks
from tapehand.errors import InternalError
from tapehand.kernels.pcm import BadValue, Woven, weave_codes, weave_floats
from tapehand.work import Work

if TYPE_CHECKING:
    from tapehand.audio.libsndfile import FlacEncoder

BLOCK_SAMPLES: Final = 1 << 16
# Room for the first samples of a file whose length only reading tells; it doubles as they come. A length that the file
# claims is believed up to so many bytes, which cost nothing until they are filled.
FIRST_ROOM_SAMPLES: Final = 1 << 20
BELIEVED_BYTES: Final = 1 << 28
# Encoders disagree by a packet or two about padding at the ends: two frames of MP3, two of AAC.
LOSSY_SLACK_SAMPLES: Final = 2_304


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
        ``audio.channels_unsupported``, ``audio.not_finite``, ``audio.no_sound``, ``audio.decoder_died``.
    """
    with Reader(path) as reader:
        audio = reader.rest(work)
        if audio.length_samples == 0:  # it was cut off under our hands
            raise no_sound(reader.path)
        return Decoded(audio=audio, facts=reader.facts, damage=reader.damage())


def blocks(path: Path, length_samples: int = BLOCK_SAMPLES) -> Iterator[Audio]:
    """The sound of a file as stretches of ``length_samples`` (the last may be shorter); raises as ``decode`` does."""
    with Reader(path) as reader:
        yield from reader.blocks(length_samples)


def span(path: Path, start_samples: int, end_samples: int) -> Audio:
    """The stretch ``[start, end)`` of a file, silent where it reaches outside; raises as ``decode`` does.

    Plain WAV is read at its place; other formats are decoded from their start, a block at a time.
    """
    with Reader(path) as reader:
        first = reader.skip(max(start_samples, 0))
        piece = reader.take(max(end_samples - first, 0))
        return piece.span(start_samples - first, end_samples - first)


def open_sound(path: Path) -> Sound | None:
    """A plain WAV file (16, 24, 32 bits or float; RF64 too) to be read at any place; None for every other format.

    Whoever needs places of another format decodes it once, into a WAV of floats.

    Raises
    ------
    InputError
        As ``decode``, but for what only decoding shows.
    """
    descriptor = open_regular(Path(path))
    sound = None
    try:
        layout = wav_layout(descriptor)
        if layout is not None:
            sound = Sound(Path(path), descriptor, layout).owning_its_file()
    finally:
        if sound is None:
            os.close(descriptor)
    return sound


class Reader:
    """An open audio file, read once from start to end in a ``with`` block.

    Opening decodes the first block, so that a file with a good header and no sound behind it is refused at the door.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.decoded_samples = 0

    def __enter__(self) -> Self:
        self._descriptor = open_regular(self.path)
        self._source: Source | None = None
        try:
            self._source = _source(self.path, self._descriptor)
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
        return self._open_source.facts

    def blocks(self, length_samples: int = BLOCK_SAMPLES) -> Iterator[Audio]:
        """Stretches of exactly ``length_samples``, the last may be shorter; all values are finite."""
        while (samples := self._take(length_samples, None)).size:
            yield Audio(samples, self.facts.rate_hz)

    def take(self, length_samples: int) -> Audio:
        """The next ``length_samples``; fewer only at the end."""
        return Audio(self._take(length_samples, None), self.facts.rate_hz)

    def skip(self, length_samples: int) -> int:
        """Go on so many samples later, or at the end; how many that were."""
        if isinstance(self._source, PcmWavSource):
            return self._source.skip(length_samples)
        skipped = 0
        while skipped < length_samples:
            count = self.take(min(BLOCK_SAMPLES, length_samples - skipped)).length_samples
            if count == 0:
                break
            skipped += count
        return skipped

    def rest(self, work: Work | None = None) -> Audio:
        """All the sound that is still to come."""
        return Audio(self._take(None, work), self.facts.rate_hz)

    @property
    def _open_source(self) -> Source:
        assert self._source is not None, "used outside its with block"
        return self._source

    def _take(self, limit_samples: int | None, work: Work | None) -> Samples:
        """The next samples, up to a limit. Room is made by what comes, never by what a header claims."""
        source, filled = self._open_source, 0
        limits = [limit for limit in (limit_samples, source.remaining_samples) if limit is not None]
        limit = min(limits, default=None)
        room = self._first_room() if limit is None else limit
        samples = np.empty((source.facts.channels, room), dtype=np.float32)
        while filled != limit:
            if filled == room:
                if not source.has_sound:
                    break
                room *= 2
                samples = _with_room(samples, room)
            count = source.fill(samples, filled)
            if count == 0:
                break
            filled += count
            self.decoded_samples += count
            if work is not None:
                work.report("audio.read", self.decoded_samples, max(source.facts.announced_samples or 0, 1))
        return samples if filled == room else np.ascontiguousarray(samples[:, :filled])

    def _first_room(self) -> int:
        believed = BELIEVED_BYTES // (4 * self.facts.channels)
        left = (self.facts.announced_samples or 0) - self.decoded_samples
        return left if 0 < left <= believed else FIRST_ROOM_SAMPLES

    def damage(self) -> Damage | None:
        """What was wrong, known once all frames were read."""
        source = self._open_source
        announced, decoded = self.facts.announced_samples, self.decoded_samples
        slack = LOSSY_SLACK_SAMPLES if self.facts.lossy else 0
        reason: DamageReason
        if source.stopped:
            reason = "decoder_stopped"
        elif announced is not None and decoded < announced - slack:
            reason = "shorter"
        elif announced is not None and decoded > announced + slack:
            reason = "longer"
        elif self.facts.end_missing:
            reason = "end_missing"
        elif not source.checksum_met():
            reason = "checksum"
        else:
            return None
        return Damage(decoded_samples=decoded, announced_samples=announced, reason=reason)


def _with_room(samples: Samples, room: int) -> Samples:
    roomier = np.empty((samples.shape[0], room), dtype=np.float32)
    roomier[:, : samples.shape[1]] = samples
    return roomier


def _source(path: Path, descriptor: int) -> Source:
    """Whoever can read the file: ourselves, libsndfile, ffmpeg, in this order."""
    layout = wav_layout(descriptor)
    if layout is not None:
        return PcmWavSource(Sound(path, descriptor, layout))
    content = headers.container_by_content(os.pread(descriptor, 64, 0))
    source = _foreign_source(path, descriptor, content)
    if (source is None or not source.has_sound) and content in headers.FFMPEG_DEMUXERS:
        if source is not None:
            source.close()
        if not external.available():
            raise ffmpeg_needed(path, content)
        source = DecodedSource(FfmpegDecoder(path, content))
    if source is None:
        raise not_audio(path, content)
    if not source.has_sound:
        source.close()
        raise no_sound(path)
    return source


def _foreign_source(path: Path, descriptor: int, content: str | None) -> DecodedSource | None:
    try:
        decoder = foreign_decoder(path, descriptor, content)
    except NotReadable:
        return None
    checksum = FlacChecksum.of(descriptor) if decoder.facts.container == "FLAC" else None
    try:
        return DecodedSource(decoder, checksum)
    except BaseException:
        decoder.close()
        raise


def write(
    path: Path,
    audio: Audio,
    subtype: Subtype = "PCM_24",
    *,
    dither_seed: int | None = None,
    overwrite: bool = False,
    tags: Tags | None = None,
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
        tags=tags,
        expected_samples=audio.length_samples,
    )
    with writer:
        for start in range(0, audio.length_samples, BLOCK_SAMPLES):
            if work is not None:
                work.report("audio.write", start, audio.length_samples)
            writer.write(audio, start, min(start + BLOCK_SAMPLES, audio.length_samples))
    return writer.written


class Writer:
    """An audio file that is written in blocks and gets its name when the ``with`` block ends well.

    Parameters
    ----------
    path : ends in ``.wav`` or ``.flac``; its folder must exist. WAV becomes RF64 beyond 4 GiB.
    subtype : ``PCM_24``, ``PCM_16`` or ``FLOAT`` (WAV only). Values above full scale are held, counted, never wrapped.
    dither_seed : None rounds to the nearest integer; a number adds triangular dither from that seed.
    overwrite : replace a file that is there.
    tags : what to say beside the sound; a WAV holds all of it, a FLAC the texts and the ISRC. None says nothing.
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
        tags: Tags | None = None,
        expected_samples: int = 0,
    ) -> None:
        self.path = Path(path)
        self.length_samples = 0
        self.clipped = 0
        self._shape = WavShape(rate_hz, channels, subtype)
        self._dither = None if dither_seed is None else TriangularDither(dither_seed)
        refuse_format(self.path, channels, subtype)
        wav = self.path.suffix.lower() == ".wav"
        self._tags = tags
        self._tag_chunks = tag_chunks(tags) if tags is not None and wav else b""
        needed_bytes = self._shape.file_bytes(expected_samples, self._tag_chunks) if wav else 0
        self._target = AtomicFile(self.path, overwrite=overwrite, needed_bytes=needed_bytes)

    def __enter__(self) -> Self:
        self._target.__enter__()
        flac = self.path.suffix.lower() == ".flac"
        self._flac = self._open_flac() if flac else None
        if not flac:
            self._guarded_write(header(self._shape, 0, self._tag_chunks))
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

    def write(self, audio: Audio, start: int = 0, end: int | None = None) -> None:
        """Append ``audio`` (or its samples ``[start, end)``), which has the channels and rate of this file."""
        if (audio.channels, audio.rate_hz) != (self._shape.channels, self._shape.rate_hz):
            raise InternalError(
                "audio.layout", f"A block of {audio.channels} x {audio.rate_hz} Hz does not fit the file"
            )
        end = audio.length_samples if end is None else end
        woven = self._woven(audio.samples, start, end)
        if isinstance(woven, BadValue):
            raise InternalError(
                "audio.not_finite", f"A value that is not a number was about to go into {self.path.name}"
            )
        if self._flac is None:
            self._guarded_write(woven.payload.data)
        elif not self._flac.write(woven.payload.view(np.int32)):
            raise self._target.explain(OSError(errno.ENOSPC, "no space left"))
        self.clipped += woven.clipped
        self.length_samples += end - start

    def _woven(self, samples: Samples, start: int, end: int) -> Woven | BadValue:
        if self._shape.subtype == "FLOAT":
            return weave_floats(samples, start, end)
        width = SAMPLE_BYTES[self._shape.subtype]
        random = None if self._dither is None else self._dither.random((end - start, samples.shape[0]))
        return weave_codes(samples, start, end, 8 * width, 4 if self._flac else width, random)

    def _finish(self) -> None:
        if self._flac is not None:
            self._finish_flac(self._flac)
            return
        if self.length_samples * self._shape.frame_bytes % 2:
            self._guarded_write(b"\0")
        self._target.file.seek(0)
        self._guarded_write(header(self._shape, self.length_samples, self._tag_chunks))

    def _guarded_write(self, payload: bytes | memoryview) -> None:
        try:
            self._target.file.write(payload)
        except OSError as error:
            raise self._target.explain(error) from None

    def _open_flac(self) -> "FlacEncoder":
        from tapehand.audio.libsndfile import FlacEncoder

        shape = self._shape
        return FlacEncoder(self._target.file.fileno(), shape.rate_hz, shape.channels, shape.subtype)

    def _finish_flac(self, flac: "FlacEncoder") -> None:
        """The encoder reports no failure of its last write, so the file must prove its length."""
        from tapehand.audio.libsndfile import stored_samples

        flac.close()
        descriptor = self._target.file.fileno()
        os.lseek(descriptor, 0, os.SEEK_SET)
        if stored_samples(descriptor) != self.length_samples:
            raise self._target.explain(OSError(errno.ENOSPC, "no space left"))
        if self._tags is not None:
            try:
                put_into_flac(descriptor, self._tags)
            except OSError as error:
                raise self._target.explain(error) from None
