"""Mutated files of eight formats: each is refused in one sentence, flagged damaged, or gives what it announces.

    python -m torture mutated_files                 as every campaign, within a budget
    python -m torture.mutated_files --files 2000    exactly so many; goes on where it stopped; the table for the docs

What a file announces is read here by code of its own, which shares nothing with the reader it judges.
"""

import argparse
import datetime
import json
import random
import re
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from tapehand.audio import io
from tapehand.errors import InputError
from torture.mutated_audio import MUTATIONS, Mutation, cut_off

FORMATS = {
    "WAV": (".wav", "WAV", ("PCM_16", "PCM_24", "PCM_32", "FLOAT")),
    "RF64": (".wav", "RF64", ("PCM_16", "PCM_24", "FLOAT")),
    "IMA": (".wav", "WAV", ("IMA_ADPCM",)),
    "AIFF": (".aiff", "AIFF", ("PCM_16", "PCM_24", "FLOAT")),
    "CAF": (".caf", "CAF", ("PCM_16", "PCM_24")),
    "FLAC": (".flac", "FLAC", ("PCM_16", "PCM_24")),
    "OGG": (".ogg", "OGG", ("VORBIS",)),
    "MP3": (".mp3", "MP3", ("MPEG_LAYER_III",)),
}
LONGEST_S = 5.0
SLACK_SAMPLES = {"MP3": 2_304, "OGG": 2_304, "IMA": 2_048}
LENGTHS_SAMPLES = {"OGG": 60_000}  # of several pages, as one that is damaged is lost as a whole
RESULTS = Path(__file__).resolve().parent.parent / ".torture" / "mutated_files.survey.json"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "torture.md"


class Outcome(NamedTuple):
    """What became of one file: refused, damaged, exact, or broken with the reason."""

    kind: str
    reason: str = ""


def attempt(number: int, folder: Path) -> str | None:
    """One file; None when it was dealt with as it should be."""
    outcome = outcome_of(number, folder)
    return outcome.reason if outcome.kind == "broken" else None


def outcome_of(number: int, folder: Path) -> Outcome:
    """Write a file, damage it, read it, judge what came."""
    chance = random.Random(number)
    name = list(FORMATS)[number % len(FORMATS)]
    path = folder / f"mutated{FORMATS[name][0]}"
    length_samples = write_noise(path, name, chance)
    whole = path.read_bytes()
    content = bytearray(whole)
    mutations = chance.choices(MUTATIONS, k=chance.randint(1, 4))
    for mutate in mutations:
        mutate(content, chance)
    path.write_bytes(content)
    started_s = time.monotonic()
    outcome = judged(path, name, mutations, bytes(content), length_samples)
    taken_s = time.monotonic() - started_s
    if taken_s > LONGEST_S:
        return Outcome("broken", f"{name} took {taken_s:.1f} s")
    if path.read_bytes() != content:
        return Outcome("broken", f"{name} was changed")
    return outcome


def write_noise(path: Path, name: str, chance: random.Random) -> int:
    """Some noise in some form of the format; its length per channel."""
    _, container, subtypes = FORMATS[name]
    rate_hz = chance.choice((44_100, 48_000))
    frames = 0.1 * np.random.default_rng(chance.getrandbits(32)).standard_normal(
        (LENGTHS_SAMPLES.get(name, 6_000), chance.randint(1, 2))
    )
    subtype = chance.choice(subtypes)
    if subtype == "IMA_ADPCM":
        frames = frames[:, :1]
    soundfile.write(path, frames, rate_hz, subtype=subtype, format=container)
    return soundfile.info(path).frames


def judged(path: Path, name: str, mutations: list[Mutation], content: bytes, length_samples: int) -> Outcome:
    """Refused, damaged, or exactly what it announces; anything else is broken."""
    try:
        decoded = io.decode(path)
    except InputError as error:
        if error.code == "audio.decoder_died":
            return Outcome("broken", f"{name} killed its decoder: {error.message}")
        one_sentence = error.hint and "\n" not in error.sentence() and path.name in error.message
        return Outcome("refused") if one_sentence else Outcome("broken", f"{name} was refused in no sentence")
    except Exception as error:
        return Outcome("broken", f"{name} raised {type(error).__name__}: {error}")
    if not np.isfinite(decoded.audio.samples).all():
        return Outcome("broken", f"{name} gave values that are not numbers")
    if decoded.damage is not None:
        return Outcome("damaged")
    got, expected = decoded.audio.length_samples, announced(content, name)
    slack = SLACK_SAMPLES.get(name, 0)
    if expected is not None and abs(got - expected) > slack:
        return Outcome("broken", f"{name} gave {got} of {expected} without a word")
    if set(mutations) == {cut_off} and name != "MP3" and got < length_samples - slack:
        return Outcome("broken", f"{name} was cut to {got} of {length_samples} without a word")
    return Outcome("exact")


# What a file announces, read a second time by other means -----------------------------------------------------------


def announced(content: bytes, name: str) -> int | None:
    """Samples per channel by the header; None where it says nothing that can be relied on."""
    try:
        if name in ("WAV", "RF64", "IMA"):
            return wav_announced(content)
        if name == "AIFF":
            place = content.index(b"COMM", 12)
            return int(struct.unpack_from(">I", content, place + 10)[0])
        if name == "FLAC" and content[4] & 0x7F == 0:
            return int.from_bytes(content[18:26], "big") & 0xFFFFFFFFF or None
    except (struct.error, ValueError, IndexError, ZeroDivisionError):
        pass
    return None


def wav_announced(content: bytes) -> int | None:
    """Of a little-endian WAV whose chunks stand in the order everybody writes them."""
    if content[:4] not in (b"RIFF", b"RF64") or content.count(b"fmt ") != 1 or content.count(b"data") != 1:
        return None
    form, data = content.index(b"fmt "), content.index(b"data")
    tag, _channels, _rate, _rate_bytes, block_bytes, _bits = struct.unpack_from("<HHIIHH", content, form + 8)
    size = struct.unpack_from("<I", content, data + 4)[0]
    walked = 12
    while walked < data:  # a broken size in between sends every reader elsewhere
        step = struct.unpack_from("<I", content, walked + 4)[0]
        walked += 8 + step + step % 2
    if walked != data or size in (0, 0xFFFFFFFF) or tag not in (1, 3, 0x11, 0xFFFE):
        return None
    if tag == 0x11:
        return -(-size // block_bytes) * struct.unpack_from("<H", content, form + 26)[0]
    return size // block_bytes


# The survey ---------------------------------------------------------------------------------------------------------


def survey(files: int) -> int:
    """Try files 1 to ``files``, those that were tried before excepted, and write the table; 1 when one is broken."""
    import tempfile

    kept: dict[str, list[str]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for number in range(1, files + 1):
        if str(number) in kept and kept[str(number)][0] != "broken":
            continue
        with tempfile.TemporaryDirectory(prefix="tapehand-torture-") as folder:
            kept[str(number)] = list(outcome_of(number, Path(folder)))
        if kept[str(number)][0] == "broken":
            print(f"{number}: {kept[str(number)][1]}", flush=True)
        if number % 100 == 0 or number == files:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(kept))
    outcomes = {number: kept[str(number)][0] for number in range(1, files + 1)}
    text = table(outcomes)
    print(text)
    put_into_page(text)
    return int("broken" in outcomes.values())


def table(outcomes: dict[int, str]) -> str:
    """Counts by format and outcome."""
    names, kinds = list(FORMATS), ["refused", "damaged", "exact", "broken"]
    counts = Counter((names[number % len(names)], kind) for number, kind in outcomes.items())
    lines = [f"| format | files | {' | '.join(kinds)} |", "|---|---|---|---|---|---|"]
    for name in names:
        each = [counts[name, kind] for kind in kinds]
        lines.append(f"| {name} | {sum(each)} | {' | '.join(map(str, each))} |")
    totals = [sum(counts[name, kind] for name in names) for kind in kinds]
    lines.append(f"| all | {sum(totals)} | {' | '.join(map(str, totals))} |")
    return "\n".join(lines)


def put_into_page(text: str) -> None:
    """Replace the dated table of the page."""
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    block = f"<!-- mutated_files -->\nMeasured {today}.\n\n{text}\n<!-- end -->"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(re.sub(r"<!-- mutated_files -->.*?<!-- end -->", block, page, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m torture.mutated_files", description="Read mutated files.")
    parser.add_argument("--files", type=int, default=2_000, metavar="N", help="how many in all (2000)")
    sys.exit(survey(parser.parse_args().files))
