"""Damaged audio files: whatever a file holds, reading it ends in meters or in one sentence."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

RATES_HZ = (8_000, 44_100, 48_000, 96_000)
FORMATS = {
    "wav": ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "IMA_ADPCM"),
    "aiff": ("PCM_16", "PCM_24", "FLOAT"),
    "flac": ("PCM_16", "PCM_24"),
    "ogg": ("VORBIS", "OPUS"),
    "mp3": ("MPEG_LAYER_III",),
    "caf": ("PCM_16",),
}
EXTREMES = (4 * b"\xff", 4 * b"\x00", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x01\x00")
LIMIT_S = 60.0
LIMIT_BYTES = 4 << 30

Mutation = Callable[[bytearray, random.Random], None]


def attempt(number: int, folder: Path) -> str | None:
    """Write a short file, damage it, and meter it in a process of its own."""
    chance = random.Random(number)
    path = folder / f"damaged.{chance.choice(list(FORMATS))}"
    write_noise(path, chance)
    content = bytearray(path.read_bytes())
    for mutate in chance.choices(MUTATIONS, k=chance.randint(1, 6)):
        mutate(content, chance)
    path.write_bytes(content)
    return judged(path, bytes(content))


def write_noise(path: Path, chance: random.Random) -> None:
    """A tenth of a second of noise in some form of the format."""
    subtype, rate_hz = chance.choice(FORMATS[path.suffix[1:]]), chance.choice(RATES_HZ)
    if subtype in ("OPUS", "MPEG_LAYER_III"):
        rate_hz = 48_000
    generator = np.random.default_rng(chance.getrandbits(32))
    frames = 0.1 * generator.standard_normal((rate_hz // 10, chance.randint(1, 2)))
    soundfile.write(path, frames, rate_hz, subtype=subtype)


def judged(path: Path, before: bytes) -> str | None:
    """None when the command ended as it should, else what is wrong."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({LIMIT_BYTES}, {LIMIT_BYTES}))"
    code = f"import sys; {limit}; from tapehand.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "meter", "--json", str(path)]
    try:
        finished = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"still reading {path.suffix} after {LIMIT_S:.0f} s"
    if finished.returncode not in (0, 3):
        last = finished.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return f"exit {finished.returncode} on {path.suffix}: {' '.join(last) or finished.stdout[:200]!r}"
    if b"Warning" in finished.stderr:
        return f"a warning meant for programmers on {path.suffix}: {finished.stderr[:200]!r}"
    try:
        answer = json.loads(finished.stdout)
    except ValueError:
        return f"no JSON on {path.suffix}: {finished.stdout[:100]!r}"
    if answer.get("schema") not in ("Meter.1", "Error.1"):
        return f"an unknown answer on {path.suffix}: {answer.get('schema')}"
    return None if path.read_bytes() == before else "the file was changed"


# What damage does: one byte, a run of bytes, a length in the header, an end that is missing -------------------------


def flip_bits(content: bytearray, chance: random.Random) -> None:
    """A few bits anywhere."""
    for _ in range(chance.randint(1, 20)):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def break_header(content: bytearray, chance: random.Random) -> None:
    """A number within the first hundred bytes becomes an extreme one."""
    extreme = chance.choice(EXTREMES)
    place = chance.randrange(max(1, min(100, len(content) - 4)))
    content[place : place + len(extreme)] = extreme


def cut_off(content: bytearray, chance: random.Random) -> None:
    """The end is missing."""
    del content[chance.randrange(len(content) + 1) :]


def cut_out(content: bytearray, chance: random.Random) -> None:
    """A piece within is missing."""
    place = chance.randrange(len(content) + 1)
    del content[place : place + chance.randrange(1, 4096)]


def repeat(content: bytearray, chance: random.Random) -> None:
    """A piece stands there twice."""
    place = chance.randrange(len(content) + 1)
    content[place:place] = content[place : place + chance.randrange(1, 4096)]


def fill(content: bytearray, chance: random.Random) -> None:
    """A piece is overwritten with one value, as a failing disk does."""
    place = chance.randrange(len(content) + 1)
    length = min(chance.randrange(1, 4096), len(content) - place)
    content[place : place + length] = bytes([chance.choice([0x00, 0xFF, 0x7F])]) * length


MUTATIONS: list[Mutation] = [flip_bits, break_header, cut_off, cut_out, repeat, fill]
