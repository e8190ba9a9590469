"""Decoding through an installed ffmpeg: what libsndfile cannot read (AAC and M4A above all).

The demuxer is forced by the file's content and only local files may be opened, so that a crafted playlist or reference
inside a file can make ffmpeg read nothing else.
"""

import contextlib
import json
import os
import resource
import select
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.refusals import bad_file
from tapehand.errors import InputError

LOSSLESS_CODECS: Final = ("flac", "alac", "wavpack", "ape", "pcm_")
PROBE_TIMEOUT_S: Final = 30
WAIT_S: Final = 0.5
MOST_WAITS: Final = 10
LARGEST_BYTES: Final = 4 << 30


class ExternalFacts(NamedTuple):
    """What ffprobe says about the first audio stream."""

    codec: str
    rate_hz: int
    channels: int
    announced_samples: int | None
    lossy: bool


def available() -> bool:
    """Whether ffmpeg and ffprobe are installed."""
    return bool(shutil.which("ffmpeg") and shutil.which("ffprobe"))


def probe(path: Path, demuxer: str) -> ExternalFacts:
    """Facts of the first audio stream; raises InputError ``audio.not_audio`` where there is none."""
    answer = _run_probe(path, demuxer)
    try:
        stream = json.loads(answer)["streams"][0]
        rate_hz, channels = int(stream["sample_rate"]), int(stream["channels"])
        if rate_hz <= 0 or channels <= 0:
            raise ValueError
    except (ValueError, LookupError, TypeError):
        raise InputError(
            "audio.not_audio",
            f"{path.name} holds no sound that can be decoded",
            where=str(path),
            hint="Export it again as WAV or FLAC",
        ) from None
    codec = str(stream.get("codec_name", "unknown"))
    return ExternalFacts(codec, rate_hz, channels, _announced(stream, rate_hz), not codec.startswith(LOSSLESS_CODECS))


def decode(path: Path, demuxer: str, channels: int, length_samples: int) -> Generator[NDArray[np.float32], None, None]:
    """Float32 blocks ``(samples, channels)`` of at most ``length_samples``; the process ends with the iterator.

    Raises
    ------
    InputError
        ``audio.decoder_died``: nothing came for five seconds.
    """
    command = ["ffmpeg", "-nostdin", "-v", "quiet", *_source(path, demuxer)]
    command += ["-map", "0:a:0", "-vn", "-sn", "-dn", "-acodec", "pcm_f32le", "-f", "f32le", "pipe:1"]
    block_bytes = 4 * channels * length_samples
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nowhere, stdout=subprocess.PIPE, stderr=nowhere, bufsize=0) as run:
        assert run.stdout is not None
        _confine(run.pid)
        try:
            while payload := _next_bytes(run.stdout.fileno(), block_bytes, path):
                whole = len(payload) - len(payload) % (4 * channels)
                yield np.frombuffer(payload[:whole], dtype="<f4").astype(np.float32).reshape(-1, channels)
        finally:
            run.kill()


def _next_bytes(pipe: int, wanted_bytes: int, path: Path) -> bytes:
    """As many bytes as wanted, fewer only at the end. Waits are counted, as a computer that sleeps has not waited."""
    parts, got, waits = [], 0, 0
    while got < wanted_bytes:
        if not select.select([pipe], [], [], WAIT_S)[0]:
            waits += 1
            if waits == MOST_WAITS:
                what = f"kept ffmpeg busy for {WAIT_S * MOST_WAITS:.0f} s without a sound"
                raise bad_file(path, "audio.decoder_died", what)
            continue
        part = os.read(pipe, wanted_bytes - got)
        if not part:
            break
        waits = 0
        parts.append(part)
        got += len(part)
    return b"".join(parts)


def _confine(process: int) -> None:
    """Bounded memory and no file to write, where the system lets us say so from outside."""
    if hasattr(resource, "prlimit"):
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(process, resource.RLIMIT_AS, (LARGEST_BYTES, LARGEST_BYTES))
            resource.prlimit(process, resource.RLIMIT_FSIZE, (0, 0))


def _run_probe(path: Path, demuxer: str) -> bytes:
    entries = "stream=codec_name,sample_rate,channels,duration_ts,time_base"
    command = ["ffprobe", "-v", "quiet", *_source(path, demuxer)]
    command += ["-select_streams", "a:0", "-show_entries", entries, "-of", "json"]
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False
        ).stdout
    except subprocess.TimeoutExpired:
        return b""


def _source(path: Path, demuxer: str) -> list[str]:
    return ["-protocol_whitelist", "file,pipe", "-f", demuxer, "-i", f"file:{path.absolute()}"]


def _announced(stream: dict[str, Any], rate_hz: int) -> int | None:
    """Length in samples from the container's own ticks, None where it has none."""
    try:
        numerator, denominator = (int(part) for part in str(stream["time_base"]).split("/"))
        return round(int(stream["duration_ts"]) * numerator * rate_hz / denominator) or None
    except (LookupError, ValueError, ZeroDivisionError):
        return None
